#!/usr/bin/env bash
# Starts bin/isuride with everything in .run/dev: SQLite, journal and a self-made
# certificate, and a payment gateway that takes everything. It needs no other server. Ctrl-C stops it cleanly.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
home=.run/dev
mkdir -p "$home"
bin/devcert -out "$home/cert" >/dev/null

export ISURIDE_DATA=${ISURIDE_DATA:-$home}
export ISURIDE_LISTEN=${ISURIDE_LISTEN:-:8080}
export ISURIDE_TLS_LISTEN=${ISURIDE_TLS_LISTEN:-:8443}
export ISURIDE_HTTP2=${ISURIDE_HTTP2:-on} # browsers have six connections at most over HTTP/1.1
export ISURIDE_QUESTDB=${ISURIDE_QUESTDB:-http://127.0.0.1:19000} # where make stream-up has it
export ISURIDE_TLS_CERT=$home/cert/cert.pem ISURIDE_TLS_KEY=$home/cert/key.pem

# The gateway that the initial data names takes every payment, unless one is there already.
if ! (exec 3<>/dev/tcp/127.0.0.1/12345) 2>/dev/null; then
	setpriv --pdeathsig TERM bin/paymentmock >"$home/paymentmock.log" 2>&1 &
fi

cat <<EOF
ISURIDE     https://localhost${ISURIDE_TLS_LISTEN}  (self-made certificate: browsers will warn)
            http://localhost${ISURIDE_LISTEN}
next        open the page, and press "Start a city"; or in another terminal, make ride
EOF
exec bin/isuride "$@"
