# Notes that a change is undone.
rm -f "$webapp/.replacing" "$webapp/.replaced"
