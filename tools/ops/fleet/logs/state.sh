# shellcheck shell=bash disable=SC2154
# Prints which of the logs that cost time are on.
if [[ $front == yes && -n $(nginx_files access_log) ]]; then
	echo access
fi
if [[ $db == yes && $(sql 'SELECT @@global.slow_query_log') == 1 ]]; then
	echo slow
fi
