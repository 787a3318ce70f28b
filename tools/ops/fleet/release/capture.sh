# Keeps what release $id will replace, and nobody else has kept yet, as the release
# "original", so that it can be put back.
original=$releases/original
mkdir -p "$original/files"
touch "$original/manifest" "$original/sums" "$original/seen"
while read -r kind phase effect unit path; do
	what=$path
	if [[ $kind == absent ]]; then
		kind=service
	fi
	if [[ $kind == service ]]; then
		what=$unit
	fi
	if grep -qxF -- "$what" "$original/seen"; then
		continue
	fi
	if [[ $kind == file && -e $root$path ]]; then
		mkdir -p "$(dirname "$original/files$path")"
		cp "$root$path" "$original/files$path"
		echo "$kind $phase $effect $unit $path" >>"$original/manifest"
	elif [[ $kind == service ]] && systemctl is-active "$unit" >/dev/null 2>&1; then
		echo "$kind $phase $effect $unit $path" >>"$original/manifest"
	fi
	echo "$what" >>"$original/seen"
done <"$releases/$id/manifest"
