# Keeps other deploys away as long as lines come in. The first line says who this is.
webapp=${ISURIDE_ROOT-}/home/isucon/webapp
mkdir -p "$webapp"
exec 9>>"$webapp/.lock"
read -r who
if ! flock --nonblock 9; then
	echo "$(tail -n 1 "$webapp/.lock") is at it, and gives way at the latest 60 s after its connection is lost" >&2
	exit 1
fi
truncate -s 0 "$webapp/.lock"
echo "$who" >&9
echo held
while read -r -t 60 _; do :; done
