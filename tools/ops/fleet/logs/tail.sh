# shellcheck shell=bash disable=SC2154
# Prints the newest $lines lines of every log, each after the name of its log and a space.
name() { sed "s/^/$1 /"; }

for unit in $(units); do
	journalctl -u "$unit" -n "$lines" --no-pager -o cat | name "${unit%.service}"
done
if [[ $front == yes ]]; then
	for file in $(nginx_files error_log); do
		if test -f "$file"; then
			tail -n "$lines" "$file" | name nginx-error
		fi
	done
fi
