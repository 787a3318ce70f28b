# shellcheck shell=bash disable=SC2154
# Prints which of the logs that cost time are on: "on LOG" lines.
if [[ $front == yes && -n $(nginx_files access_log) ]]; then
	echo "on access"
fi
if [[ $db == yes && $(sql 'SELECT @@global.slow_query_log') == 1 ]]; then
	echo "on slow"
fi
