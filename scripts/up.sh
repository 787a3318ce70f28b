#!/usr/bin/env bash
# Starts the contest's stack on this machine as it runs in production: MariaDB, a stand-in
# for the payment gateway, the server, and nginx in front. Components that are already
# running are left alone. stack.sh sets addresses and folders; `scripts/down.sh` stops it.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=stack.sh
source "$(dirname "${BASH_SOURCE[0]}")/stack.sh"

# reserve NAME WHERE makes sure that a component that is not running yet can have its
# port.
reserve() {
	pid_of "$1" >/dev/null || ! taken "$2" || die "$2, for $1, is taken by another program"
}

# component NAME WHERE SECONDS CHECK... starts a component with the function start_NAME
# unless it is running, and waits until the check succeeds.
component() {
	local name=$1 where=$2 limit=$3
	shift 3
	printf '%-12s' "$name"
	if pid_of "$name" >/dev/null; then
		printf 'already running'
		is_current "$name" || printf ' (an older build; make down up replaces it)'
	else
		"start_$name"
	fi
	await "$name" "$limit" "$@"
	printf ' ready, %s\n' "$where"
}

# is_current fails if the program's file has been replaced since it was started.
is_current() { [[ $(readlink "/proc/$(pid_of "$1")/exe") != *' (deleted)' ]]; }

start_paymentmock() { launch paymentmock "$bin/paymentmock" -listen "$payment"; }

start_server() {
	ISUCON_DB_HOST=127.0.0.1 ISUCON_DB_PORT=$database_port ISUCON_DB_USER=isucon ISUCON_DB_PASSWORD=isucon \
		ISUCON_DB_NAME=isuride ISURIDE_LISTEN=$http,unix:$run/server.sock ISURIDE_DATA=$run ISURIDE_JOURNAL=$run/journal \
		launch server "$bin/isuride"
}

start_nginx() {
	mkdir -p "$run/nginx" "$run/static"
	"$bin/devcert" -out "$run/tls" >/dev/null
	NGINX_USER=$(id -un) NGINX_RUN=$run/nginx NGINX_LISTEN=$https NGINX_CERT=$run/tls/cert.pem NGINX_KEY=$run/tls/key.pem \
		NGINX_STATIC=$static NGINX_UPSTREAM=unix:$run/server.sock "$root/scripts/nginx.sh" render >"$run/nginx/nginx.conf"
	launch nginx nginx -e "$run/nginx/error.log" -c "$run/nginx/nginx.conf" -g 'daemon off;'
}

answers() { curl --noproxy '*' --silent --fail --output /dev/null --max-time 2 "$@"; }

# asks_for_login URL [CURL-OPTION...] succeeds if the server answers there: without a
# cookie it says 401.
asks_for_login() {
	local status
	status=$(curl --noproxy '*' --silent --output /dev/null --max-time 2 --write-out '%{http_code}' "${@:2}" "$1/api/app/notification")
	[[ $status == 401 ]]
}

need_packages mariadb-server:mariadbd nginx:nginx curl:curl || exit
for program in isuride paymentmock devcert; do
	[[ -x $bin/$program ]] || die "$bin/$program is missing: run make build"
done
mkdir -p "$run"
reserve paymentmock "$payment"
reserve server "$http"
reserve nginx "$https"

printf '%-12s' mariadb
"$root/scripts/mariadb.sh" start "$run/mariadb" "$database_port"
printf ' ready, 127.0.0.1:%s\n' "$database_port"
component paymentmock "$payment" 20 answers -H 'Authorization: Bearer up' "http://$payment/payments"
component server "$http" 120 asks_for_login "http://server" --unix-socket "$run/server.sock"
component nginx "$https" 20 asks_for_login "https://localhost:${https##*:}" --cacert "$run/tls/cert.pem"

cat <<END

ISURIDE     https://localhost:${https##*:}  (certificate: $run/tls/cert.pem)
            http://$http  (without nginx)
payments    http://$payment/payments
database    mariadb -h 127.0.0.1 -P $database_port -u isucon -pisucon isuride
logs, pids  $run
next        make ride takes a ride through all its states; make down stops everything
END
