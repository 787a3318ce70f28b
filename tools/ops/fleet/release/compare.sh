# Prints which files of a release, $want, differ from those of the release that runs.
current=$(readlink -e "$webapp/current" || true)
while read -r sum _ path; do
	if [[ -z $current || ! -e $current/$path || $(sha256sum <"$current/$path") != "$sum "* ]]; then
		echo "$path"
	fi
done <<<"$want"
