# shellcheck shell=bash disable=SC2154
# Empties the logs and marks the run $id. What was in a log stays until the next run, with
# .before after its name.

# aside FILE... moves files that have something in them.
aside() {
	local file
	for file; do
		if test -s "$file"; then
			mv -f "$file" "$file.before"
		fi
	done
}

if [[ $front == yes ]]; then
	mapfile -t files < <(nginx_files access_log; nginx_files error_log)
	aside "${files[@]}"
	if systemctl is-active nginx.service >/dev/null; then
		nginx -s reopen
	fi
fi
if [[ $db == yes ]]; then
	aside "$(database_file slow_query_log_file)"
	sql 'FLUSH SLOW LOGS'
fi
echo "$id $(date +%s)" >"$mark"
