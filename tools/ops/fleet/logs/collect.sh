# shellcheck shell=bash disable=SC2154,SC2024
# Prints a compressed archive of the logs since the mark.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# take FILE NAME puts a link to the file, if there is one, where the archive is made of.
take() {
	if test -f "$1"; then
		ln -s "$1" "$dir/$2"
	fi
}

since=0
if [[ -r $mark ]]; then
	read -r _ since <"$mark"
fi
if [[ $front == yes ]]; then
	for file in $(nginx_files access_log; nginx_files error_log); do
		take "$file" "nginx-$(basename "$file")"
	done
fi
if [[ $db == yes ]]; then
	take "$(database_file slow_query_log_file)" slow.log
fi
for unit in $(units); do
	journalctl -u "$unit" --since "@$since" --no-pager >"$dir/${unit%.service}.log"
done
# Status 1 is a log that grew meanwhile.
tar --create --dereference --gzip --warning=no-file-changed --directory "$dir" . || (($? == 1))
