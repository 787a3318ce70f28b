#!/usr/bin/env bash
# Draws the Grafana dashboard of a run without Grafana: a separate Prometheus watches the
# server that `make bench` starts, and tools/ops/observability draws the result.
# Arguments are passed to `bench run`.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/lib.sh

home=.run/dashboard
internal=${DASHBOARD_INTERNAL:-127.0.0.1:18091}     # metrics of the server
prometheus=${DASHBOARD_PROMETHEUS:-127.0.0.1:18092} # Prometheus
picture=${DASHBOARD_PICTURE:-$home/dashboard.svg}

need_packages prometheus:prometheus || exit
rm -rf "$home"
mkdir -p "$home"
cp tools/ops/observability/alerts.yml "$home"
sed -e "s/127\.0\.0\.1:8081/$internal/" -e 's/_interval: 5s/_interval: 1s/' tools/ops/observability/prometheus.yml >"$home/prometheus.yml"
taken "$prometheus" && die "$prometheus, for Prometheus, is taken by another program"

# Prometheus ends with this script even if the script is killed.
setpriv --pdeathsig TERM prometheus --config.file="$home/prometheus.yml" --storage.tsdb.path="$home/data" \
	--web.listen-address="$prometheus" --log.level=warn >"$home/prometheus.log" 2>&1 &
watcher=$!
trap 'kill -TERM "$watcher" 2>/dev/null || true; wait "$watcher" || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
# It takes a few seconds to start scraping.
for ((i = 0; ; i++)); do
	[[ -n $(promtool query instant "http://$prometheus" up 2>/dev/null) ]] && break
	kill -0 "$watcher" 2>/dev/null || die "Prometheus exited: $(tail -n 3 "$home/prometheus.log")"
	((i < 300)) || die "Prometheus has no data after half a minute, see $home/prometheus.log"
	sleep 0.1
done

# mark shows the bench's output and notes when its load begins and ends: the time before
# and after would be empty space in the picture.
mark() {
	local line
	while IFS= read -r line; do
		say "$line"
		case $line in
		'load for '*) date +%s >"$home/begin" ;;
		'waiting for payments'*) date +%s >"$home/end" ;;
		esac
	done
}
ISURIDE_INTERNAL=$internal scripts/bench.sh "$@" | mark

score=$(sed -n 's/^ *"score": *\([0-9]*\).*/\1/p' .run/bench/result.json | head -n 1)
begin=$(<"$home/begin") end=$(<"$home/end")
bin/observability -url "http://$prometheus" -last "$((end - begin))s" -to "$end" -scrape 1s \
	-note "one run of the benchmarker${score:+, score $score}; $(nproc) cores for server, database, bench and Prometheus" "$picture"
say "the dashboard of this run: $picture"
