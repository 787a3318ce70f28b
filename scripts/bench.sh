#!/usr/bin/env bash
# Starts this repository's server on fresh data, runs the benchmarker against it for 60 s,
# and stops the server again, whatever the outcome. Arguments are passed to `bench run`,
# for instance -t 20. On a desktop, the report is opened in the browser.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/lib.sh

home=.run/bench
address=${BENCH_SERVER:-127.0.0.1:18090}
rm -rf "$home"
mkdir -p "$home"

# stop ends the programs this script has started. The bench goes first, since it still has
# to write its report. If the server does not stop cleanly within 10 s, it is killed: its
# data is not needed.
stop() {
	trap '' INT TERM HUP
	if [[ -n ${bench:-} ]] && kill -TERM "$bench" 2>/dev/null; then
		wait "$bench" || true
	fi
	kill -TERM "$server" 2>/dev/null || return 0
	for ((i = 0; i < 100; i++)); do
		kill -0 "$server" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -KILL "$server"
}

# Both programs end with this script even if it is killed. The server runs in its own
# session, so that Ctrl-C reaches only the bench.
ISURIDE_DATA=$home/data ISURIDE_LISTEN=$address setpriv --pdeathsig TERM setsid bin/isuride 2>"$home/server.log" &
server=$!
trap stop EXIT
for ((i = 0; ; i++)); do
	grep -qs 'msg=listening' "$home/server.log" && break
	kill -0 "$server" 2>/dev/null || die "the server exited: $(tail -n 3 "$home/server.log")"
	((i < 600)) || die "the server is still not listening after a minute, see $home/server.log"
	sleep 0.1
done

# The bench runs in the background, because a shell handles a signal only once its
# foreground program has ended. Ctrl-C also reaches the bench, which then writes its
# report.
trap 'trap "exit 130" INT' INT
trap 'exit 143' TERM HUP
# With a single source address, a run would use up most of its ports, and finding a free
# one would take a third of the bench's CPU.
sources=()
for i in {1..8}; do
	sources+=(-source-ip "127.0.0.$i")
done
rm -f "$home"/result.{json,txt,html} "$home"/result-[0-9]*.html # only ours; files named by -out stay
setpriv --pdeathsig TERM bin/bench run -target "http://$address" -data sql/expected-answers.json -out "$home/result.json" "${sources[@]}" "$@" &
bench=$!
while kill -0 "$bench" 2>/dev/null; do
	wait "$bench" || true # a signal may end the wait
done
status=0
wait "$bench" || status=$?

pages=("$home"/result*.html) # with -n, one per run
page=${pages[-1]}
if [[ -t 1 && -e $page && -n ${DISPLAY:-}${WAYLAND_DISPLAY:-} ]] && command -v xdg-open >/dev/null; then
	xdg-open "$PWD/$page" >/dev/null 2>&1 || true
fi
exit "$status"
