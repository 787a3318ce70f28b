# Confirms release $id, and removes all but the newest $keep releases.
if replaced=$(readlink "$webapp/.replaced"); then
	if [[ $replaced != "releases/$id" ]]; then
		ln -sfn "$replaced" "$webapp/.previous.new"
		mv -fT "$webapp/.previous.new" "$webapp/previous"
	fi
	rm -f "$webapp/.replacing" "$webapp/.replaced"
fi
rm -f "$webapp/.founding"
previous=$(readlink "$webapp/previous" || true)
find "$releases" -mindepth 1 -maxdepth 1 -type d -name '[0-9]*' -printf '%f\n' | sort -r | tail -n +$((keep + 1)) |
	while read -r old; do
		if [[ $old != "$id" && releases/$old != "$previous" ]]; then
			rm -rf "${releases:?}/$old"
		fi
	done
