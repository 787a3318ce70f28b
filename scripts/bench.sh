#!/usr/bin/env bash
# Starts this repository's server on fresh data, runs the benchmarker against it for 60 s,
# and stops the server again, whatever the outcome. Arguments are passed to `bench run`,
# for instance -t 20. On a desktop, the report is opened in the browser.
#
# The server listens with TLS, too: -target https://127.0.0.1:18490. With -client official
# that is the default, and unless there is -s, pages are loaded as well: the files of
# BENCH_STATIC, listed in BENCH_STATIC_LIST, or without them made-up ones.
#
# At the end it says how many requests the server has refused because it was busy.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/lib.sh

home=.run/bench
address=${BENCH_SERVER:-127.0.0.1:18090}
secure=${BENCH_SERVER_TLS:-127.0.0.1:18490}
internal=${ISURIDE_INTERNAL:-127.0.0.1:18093} # for operators
rm -rf "$home"
mkdir -p "$home"

target=http://$address
static=${BENCH_STATIC:-} list=${BENCH_STATIC_LIST:-} pages=()
if [[ " $* " =~ \ --?client[=\ ]official\  ]]; then
	target=https://$secure
	if [[ ! " $* " =~ \ --?(s|skip-static-sanity-check)(=true)?\  ]]; then
		if [[ -z $static ]]; then
			static=$home/static list=$home/static.list
			bin/bench frontend -folder "$static" -list "$list"
		fi
		[[ -n $list ]] || die "BENCH_STATIC without BENCH_STATIC_LIST, the list of its files"
		pages=(-static-list "$list")
	fi
fi
bin/devcert -out "$home/cert" >/dev/null

# stop ends what this script has started, the bench first: it still writes its report.
# A server that does not end in good order has no data worth waiting for.
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

# shed says what the server has refused. It is asked through bash itself, as curl need not be there.
shed() {
	local metrics
	exec 3<>"/dev/tcp/${internal%:*}/${internal##*:}" || return
	printf 'GET /metrics HTTP/1.0\r\nHost: %s\r\n\r\n' "$internal" >&3
	metrics=$(cat <&3)
	exec 3>&-
	awk '/^isuride_shed_total\{/ { known = 1; sum += $NF } END { if (!known) exit 1; printf "the server refused %d requests because it was busy (isuride_shed_total)\n", sum }' <<<"$metrics"
}

# Both end with this script even if it is killed. The server has a session of its own, so
# that Ctrl-C reaches the bench alone.
ISURIDE_DATA=$home/data ISURIDE_LISTEN=$address ISURIDE_INTERNAL=$internal ISURIDE_TLS_LISTEN=$secure ISURIDE_TLS_CERT=$home/cert/cert.pem \
	ISURIDE_TLS_KEY=$home/cert/key.pem ISURIDE_STATIC=$static setpriv --pdeathsig TERM setsid bin/isuride 2>"$home/server.log" &
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
rm -f "$home"/result.{json,txt,html} "$home"/result-[0-9]*.html # ours alone; other files that -out names stay
setpriv --pdeathsig TERM bin/bench run -target "$target" -data sql/expected-answers.json -out "$home/result.json" "${sources[@]}" "${pages[@]}" "$@" &
bench=$!
while kill -0 "$bench" 2>/dev/null; do
	wait "$bench" || true # a signal may end the wait
done
status=0
wait "$bench" || status=$?
shed || complain "the server does not say what it has refused, see $home/server.log"

results=("$home"/result*.html) # of -n runs, each has one
page=${results[-1]}
if [[ -t 1 && -e $page && -n ${DISPLAY:-}${WAYLAND_DISPLAY:-} ]] && command -v xdg-open >/dev/null; then
	xdg-open "$PWD/$page" >/dev/null 2>&1 || true
fi
exit "$status"
