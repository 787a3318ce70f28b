# Prints a checksum of the group's secret in $file, or nothing. If it is to $ensure that there is
# one, it is made at random. Only the server may read it.
file=$root$file
if [[ $ensure == yes ]]; then
	mkdir -p "$(dirname "$file")"
	if [[ ! -s $file ]]; then
		(umask 077 && head -c 32 /dev/urandom | base64 >"$file.new")
		mv -fT "$file.new" "$file"
	fi
	chmod 711 "$(dirname "$file")"
	chown isucon: "$file"
	chmod 600 "$file"
fi
if [[ -s $file ]]; then
	sum=$(sha256sum <"$file")
	echo "$sum"
	# Another one than last time has to be read.
	if [[ $ensure == yes && $sum != "$(cat "$webapp/.secret" 2>/dev/null)" ]]; then
		mkdir -p "$webapp/.pending"
		: >"$webapp/.pending/restart.isuride-go.service" # at the next deploy
		echo "$sum" >"$webapp/.secret"
	fi
fi
