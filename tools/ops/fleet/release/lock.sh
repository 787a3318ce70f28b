# Keeps other deploys away from this host as long as lines come in. The first line says who
# this is. If the holder goes away in the middle of a change, neither confirmed nor undone,
# the host undoes its part by itself.
webapp=${ISURIDE_ROOT-}/home/isucon/webapp
mkdir -p "$webapp"
exec 9>>"$webapp/.lock"
read -r who
# A holder that is gone ends in a moment, or after its change is undone.
if ! flock --wait 2 9 && ! { [[ $(tail -n 1 "$webapp/.lock") == *" is gone; "* ]] && flock --wait 200 9; }; then
	echo "$(tail -n 1 "$webapp/.lock") is at it, and gives way at the latest 60 s after its connection is lost" >&2
	exit 1
fi
truncate -s 0 "$webapp/.lock"
echo "$who" >&9
echo held
while read -r -t 60 _; do :; done

back=$(readlink "$webapp/.replaced") || exit 0
exec >>"$webapp/.undo.log" 2>&1 </dev/null
echo "$(date -u +"%F %T UTC"): $who is gone; going back to $back" | tee /dev/fd/9
# A step that its own ssh was bringing here at that moment still comes, and must not come
# after what undoes it.
sleep 2
new=$(readlink -f "$webapp/.replacing")
export id=${back##*/} from=${new##*/} phase link
for phase in kernel db app front stream; do
	link=no
	if [[ $phase == app ]]; then
		link=yes
	fi
	bash "$new/activate" 9>&- || exit
done
rm -f "$webapp/.replacing" "$webapp/.replaced"
