# Remembers what release $id has replaced, and removes all but the newest $keep releases.
if [[ -n $from && $from != "$id" ]]; then
	ln -sfn "releases/$from" "$webapp/.previous.new"
	mv -fT "$webapp/.previous.new" "$webapp/previous"
fi
previous=$(readlink "$webapp/previous" || true)
find "$releases" -mindepth 1 -maxdepth 1 -type d -name '[0-9]*' -printf '%f\n' | sort -r | tail -n +$((keep + 1)) |
	while read -r old; do
		if [[ $old != "$id" && releases/$old != "$previous" ]]; then
			rm -rf "${releases:?}/$old"
		fi
	done
