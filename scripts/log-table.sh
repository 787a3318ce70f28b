#!/usr/bin/env bash
# Makes a table of nginx's access log by endpoint, with alp, or of the database's slow
# query log by statement, with slp.
#
#   scripts/log-table.sh access s1.log,s2.log.gz           one run: commas join its files
#   scripts/log-table.sh access before.log after.log       two runs side by side
#   scripts/log-table.sh slow slow.log --sort max-query-time
#
# Everything from the first --OPTION on is passed to alp or slp. Without a log, standard
# input is read.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/scripts/lib.sh"

join() {
	local IFS=,
	echo "$*"
}

case ${1-} in
access)
	# Times are the server's (apptime), or the whole request's (reqtime) if nginx answered
	# by itself. Paths that differ only in an id or a hash count as one endpoint. The
	# limit on endpoints is raised for strangers who probe paths: beyond alp's default of
	# 5,000 there would be no table.
	tool=alp parse=ltsv
	options=(--sort sum --reverse --limit 100000 --percentiles "$(join 50 90 99)"
		--output "$(join count 2xx 3xx 4xx 5xx method uri sum avg p50 p90 p99 max sum_body)"
		--matching-groups "$(join '^/api/app/rides/[^/]+/evaluation$' '^/api/chair/rides/[^/]+/status$' ^/assets/ ^/images/)")
	compare=("${options[@]}")
	;;
slow)
	# A batched INSERT has thousands of rows. slp keeps one of them, but with its signs
	# and NULLs, so statements are grouped by table. These are flags because slp's
	# configuration file would override --sort.
	tables=(settings chair_models owners users payment_tokens chairs chair_locations rides ride_statuses coupons)
	tool=slp parse=my
	export CGO_ENABLED=1 # its parser is written in C
	options=(--sort sum-query-time --reverse --percentiles "$(join 50 90 99)" --bundle-values --bundle-where-in
		--output "$(join count query {sum,avg,p50,p90,p99,max}-query-time sum-lock-time sum-rows-{examined,sent,affected})"
		--matching-groups "$(join "${tables[@]/#/^INSERT INTO \`}")")
	# slp 0.2.1 cannot compare percentiles, which end up in the wrong columns, or row
	# counts, which underflow when they decrease.
	compare=(--sort sum-query-time --reverse --output "$(join count query {sum,avg,max}-query-time sum-lock-time)")
	;;
*) die "the first argument is access or slow" ;;
esac
shift

runs=()
while (($#)) && [[ $1 != --* ]]; do
	runs+=("$1")
	shift
done
if ((!${#runs[@]})); then
	[[ ! -t 0 ]] || die "name a log, as with ARGS=access.log"
	runs=(-)
fi
((${#runs[@]} <= 2)) || die "there are more than two runs; commas join the files of one"

# Printing the path also builds the tool, and needs the network the first time.
program=$(go -C "$root" tool -n -modfile=tools/pinned/go.mod "$tool")

# content prints a run's files.
content() {
	local files
	IFS=, read -ra files <<<"$1"
	zcat -f -- "${files[@]}"
}

if ((${#runs[@]} == 1)); then
	content "${runs[0]}" | "$program" "$parse" "${options[@]}" "$@"
	exit
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for i in 0 1; do
	content "${runs[i]}" | "$program" "$parse" "${options[@]}" --dump "$folder/$i" >"$folder/table"
done
"$program" diff "$folder/0" "$folder/1" "${compare[@]}" "$@"
