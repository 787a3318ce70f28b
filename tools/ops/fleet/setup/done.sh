# Notes what setup was done.
echo "setup $fingerprint" >"$webapp/.setup.new"
mv -fT "$webapp/.setup.new" "$webapp/.setup"
