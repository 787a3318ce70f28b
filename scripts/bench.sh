#!/usr/bin/env bash
# Starts the server of this repository on fresh data, runs the benchmarker against it for
# 60 s, and stops it again. Arguments go to `bench run`, for instance -t 20.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/lib.sh

home=.run/bench
address=${BENCH_SERVER:-127.0.0.1:18090}
rm -rf "$home/data"
mkdir -p "$home"

ISURIDE_DATA=$home/data ISURIDE_LISTEN=$address bin/isuride 2>"$home/server.log" &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server"' EXIT
for ((i = 0; ; i++)); do
	grep -q 'msg=listening' "$home/server.log" && break
	kill -0 "$server" 2>/dev/null || die "the server ended: $(tail -n 3 "$home/server.log")"
	((i < 600)) || die "the server does not listen after a minute, see $home/server.log"
	sleep 0.1
done

bin/bench run -target "http://$address" -data sql/expected-answers.json -out "$home/result.json" "$@"
