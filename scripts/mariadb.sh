#!/usr/bin/env bash
# Runs a separate MariaDB in a folder; no other database on the machine is touched.
#
#   scripts/mariadb.sh start DIR PORT   on 127.0.0.1:PORT and DIR/mariadb.sock
#   scripts/mariadb.sh stop DIR         stops it cleanly; the data is kept
#
# Database isuride and account isucon/isucon come from sql/0-init.sql. Administrators
# log in through the socket as the user who started it: mariadb -S DIR/mariadb.sock
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$root/scripts/lib.sh"

usage() {
	echo "usage: mariadb.sh start DIR PORT | stop DIR" >&2
	exit 2
}

start() {
	local dir=$1 port=$2
	need_packages mariadb-server:mariadbd
	if pid_of mariadb >/dev/null; then
		login "$port" || die "MariaDB is already running in $dir, but not on port $port"
		return 0
	fi
	[[ $dir != *[[:space:]]* ]] || die "$dir: mariadb-install-db does not accept a path with a space"
	# sun_path has 108 bytes, including the terminating zero.
	((${#dir} + ${#socket} < 107)) || die "$dir is too long a path for a socket"
	taken "127.0.0.1:$port" && die "port $port is taken by another program"
	install -m 644 "$root/sql/0-init.sql" "$root/scripts/mariadb.cnf" "$dir" # readable for any user
	local as
	as=$(owner "$dir")
	[[ -d $dir/data ]] || initialize "$dir" "$as"
	launch mariadb mariadbd --defaults-file="$dir/mariadb.cnf" --datadir="$dir/data" --socket="$dir/$socket" \
		--port="$port" --pid-file="$dir/data/mariadbd.pid" --init-file="$dir/0-init.sql" --user="$as"
	await mariadb 120 login "$port"
}

# owner DIR prints the user to run as: the owner of existing data, else the package's user
# if it may enter the folder, else the caller. mariadbd refuses root unless told
# otherwise.
owner() {
	if [[ -d $1/data ]]; then
		stat -c %U "$1/data"
	elif ((EUID == 0)) && id mysql >/dev/null 2>&1 && runuser -u mysql -- test -x "$1"; then
		echo mysql
	else
		id -un
	fi
}

# initialize DIR USER creates an empty data folder. It gets its final name only once it is
# complete.
initialize() {
	local dir=$1 as=$2
	rm -rf "$dir/data.new"
	mkdir "$dir/data.new"
	if ((EUID == 0)); then
		chown "$as" "$dir" "$dir/data.new"
	fi
	mariadb-install-db --defaults-file="$dir/mariadb.cnf" --datadir="$dir/data.new" --user="$as" --skip-test-db --skip-name-resolve \
		--auth-root-authentication-method=socket --auth-root-socket-user="$(id -un)" >"$dir/install.log" 2>&1 ||
		die "mariadb-install-db failed; see $dir/install.log"
	mv "$dir/data.new" "$dir/data"
}

login() {
	mariadb --no-defaults --protocol=tcp --host=127.0.0.1 --port="$1" --user=isucon --password=isucon \
		--execute='SELECT 1' isuride >/dev/null 2>&1
}

socket=mariadb.sock
case ${1-}:$# in
start:3)
	mkdir -p "$2"
	state=$(cd "$2" && pwd)
	start "$state" "$3"
	;;
stop:2)
	[[ -d $2 ]] || exit 0
	state=$(cd "$2" && pwd)
	halt mariadb TERM 120
	;;
*) usage ;;
esac
