# shellcheck shell=bash disable=SC2154
# Switches the slow query log $word, on or off; on, it has every statement. Both settings are
# copied into a connection when that begins, so idle connections are ended; the server opens
# new ones. One in a transaction is not idle.
if [[ $word == on ]]; then
	on=1 time=0
else
	on=0 time=10 # MariaDB's and MySQL's own default, seconds
fi
sql "SET GLOBAL long_query_time = $time, GLOBAL slow_query_log = $on"
sql "SELECT CONCAT('KILL ', id) FROM information_schema.processlist WHERE command = 'Sleep' AND user NOT IN ('root', 'mysql')
	AND id NOT IN (SELECT trx_mysql_thread_id FROM information_schema.innodb_trx)" |
	while read -r kill; do
		sql "$kill" 2>/dev/null || true # it has just ended by itself
	done
