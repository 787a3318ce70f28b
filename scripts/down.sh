#!/usr/bin/env bash
# Stops what up.sh started, from the outside in: nginx first, so that no request reaches a
# stopped server; the database last, because the server writes to it until it exits. Data
# is kept. If one component does not stop, those it depends on keep running.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=stack.sh
source "$(dirname "${BASH_SOURCE[0]}")/stack.sh"

stop() {
	printf '%-12s' "$1"
	halt "$@"
	say ' stopped'
}

[[ -d $run ]] || exit 0
stop nginx QUIT 20
stop server TERM 120
stop paymentmock TERM 20
printf '%-12s' mariadb
"$root/scripts/mariadb.sh" stop "$run/mariadb"
say ' stopped'
