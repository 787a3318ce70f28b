#!/usr/bin/env bash
# Starts and stops what carries the city's events out, on this machine: Kafka, QuestDB, and
# between them and the server of `make run` the programs `isuride stream` and `isuride sink`.
# Everything is below .run/stream; jars come by Maven once and stay in .run/tools/stream.
#
#   stream.sh up | down
#
# STREAM_SERVER and STREAM_TOKEN name another server and the file with its operator's token.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$root/scripts/lib.sh"

run=$(realpath -m "${STREAM_DIR:-$root/.run/stream}")
jars=$root/.run/tools/stream
bin=$root/bin
kafka_port=${STREAM_KAFKA_PORT:-19092}
questdb_port=${STREAM_QUESTDB_PORT:-19000}
server=${STREAM_SERVER:-http://localhost:8080}
token=${STREAM_TOKEN:-$root/.run/dev/operator-token}
state=$run

# component NAME SECONDS CHECK... starts a component with the function start_NAME unless it
# is running, and waits until the check succeeds.
component() {
	local name=$1 limit=$2
	shift 2
	printf '%-12s' "$name"
	if pid_of "$name" >/dev/null; then
		printf 'already running'
	else
		"start_$name"
	fi
	await "$name" "$limit" "$@"
	say ' ready'
}

# reserve NAME PORT... makes sure that a server that is not running yet can have its ports.
reserve() {
	local port
	pid_of "$1" >/dev/null && return
	for port in "${@:2}"; do
		! taken "127.0.0.1:$port" || die "127.0.0.1:$port, for $1, is taken by another program; STREAM_${1^^}_PORT names another port"
	done
}

start_kafka() {
	: >"$state/kafka.log"
	launch kafka "$bin/stream" kafka -jars "$jars" -dir "$run/kafka" -port "$kafka_port"
}
start_questdb() { launch questdb "$bin/stream" questdb -jars "$jars" -dir "$run/questdb" -port "$questdb_port"; }
start_stream() { launch stream "$bin/isuride" stream -kafka "127.0.0.1:$kafka_port" -server "$server" -token "$token"; }
start_sink() { launch sink "$bin/isuride" sink -kafka "127.0.0.1:$kafka_port" -questdb "http://127.0.0.1:$questdb_port"; }

answers() { curl --noproxy '*' --silent --fail --output /dev/null --max-time 2 "$1"; }

up() {
	mkdir -p "$run"
	"$bin/stream" fetch -jars "$jars"
	reserve kafka "$kafka_port" $((kafka_port + 1))
	reserve questdb "$questdb_port"
	component kafka 60 grep -q 'Kafka Server started' "$state/kafka.log"
	component questdb 60 answers "http://127.0.0.1:$questdb_port/exec?query=select%201"
	component sink 10 pid_of sink
	if [[ -r $token ]]; then
		component stream 10 pid_of stream
	else
		say "stream      not started: there is no operator's token in $token; start the server (make run), then make stream-up again"
	fi
	cat <<END

Kafka       127.0.0.1:$kafka_port  (topics isuride.events, isuride.positions)
QuestDB     http://127.0.0.1:$questdb_port  (its console; tables are named as those of the feed)
server      $server
logs, pids  $run
next        make ride, then look: select * from statuses; make stream-down stops everything
END
}

stop() {
	printf '%-12s' "$1"
	halt "$@"
	say ' stopped'
}

down() {
	[[ -d $run ]] || return 0
	stop stream TERM 20
	stop sink TERM 20
	stop questdb TERM 60
	stop kafka TERM 60
}

case ${1:-} in
up) up ;;
down) down ;;
*) die "stream.sh up or stream.sh down" ;;
esac
