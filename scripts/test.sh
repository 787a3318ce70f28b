#!/usr/bin/env bash
# Checks and tests everything: formatting, vet, staticcheck, module files, shell scripts,
# every benchmark once, the simulation, and all tests, most of them under the race detector. At the end, and in any case, it
# lists what took long, skipped tests by reason, and a table of times. It leaves the tree unchanged.
#
# Nothing can hold it up for long: a program of a test that hangs is ended after 5 minutes (tools/dev/bound), a
# package after 14, and all tests together when the whole run has taken 29.
#
#   test.sh -install    first installs what the tests need: Debian packages, as root, and
#                       below the project programs of npm and PyPI with fixed versions;
#                       then no test may skip because a program is missing
#
# Other arguments are passed to `go test`, and then nothing else runs.
#
# govulncheck is not among the checks, because its database is only available online.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/lib.sh

export CGO_ENABLED=0 # as servers are deployed, so that all programs are compiled once

main() {
	local skips=()
	if [[ ${1:-} == -install ]]; then
		shift
		trap summary EXIT
		stage install install
		fetch &
		fetching=$!
		skips=(-installed)
	fi
	if (($#)); then
		fetched
		tests "$@"
		return
	fi
	trap summary EXIT
	before=$(git status --porcelain)
	stage interface go run ./tools/dev/webbuild
	stage checks checks
	begin_simulation
	stage "allocations, and each benchmark once; ten million events" shipped
	stage "the rest of what the tests need" fetched
	traffic=$PWD/.run/traffic
	rm -rf "$traffic"
	mkdir -p "$traffic"
	ISURIDE_TEST_TRAFFIC=$traffic stage tests all_tests
	stage "what was left of the simulation" end_simulation
	stage "traffic against openapi.yaml" compare_traffic
	clean_tree
}

# stage NAME COMMAND... runs the command and notes how long it took.
times='' running='' began=0
stage() {
	running=$1 began=$SECONDS
	shift
	"$@"
	noted "$running"
	running=''
}

noted() { times+=$(printf '%5d s  %s' $((SECONDS - began)) "$1")$'\n'; }

# summary prints the stages; of a run that has failed, also where.
summary() {
	[[ -z $fetching ]] || kill "$fetching" 2>/dev/null || true
	if [[ -n $simulating ]]; then # what it has found by then is told in any case
		kill "$simulating" 2>/dev/null || true
		end_simulation || true
	fi
	[[ -z $running ]] || noted "$running: FAILED"
	printf '\n%s%5d s  in all\n' "$times" "$SECONDS"
}

# gcc is for the race detector, ip for the tests' networks, strace for slow disks, systemd for checking units, node
# and Python for the clients and the document of the interface, Chromium with Japanese
# letters for its pages, the last line but one for the laboratory's hosts, and Java for Kafka
# and QuestDB.
install() {
	need_packages mariadb-server:mariadbd nginx:nginx libnginx-mod-stream:/usr/lib/nginx/modules/ngx_stream_module.so \
		prometheus:promtool gcc:gcc libc6-dev:/usr/include/stdlib.h iproute2:ip strace:strace systemd:systemd-analyze shellcheck:shellcheck \
		nodejs:node npm:npm python3:python3 python3-venv:/usr/share/doc/python3-venv \
		chromium:chromium fonts-noto-cjk:/usr/share/doc/fonts-noto-cjk \
		openssh-server:sshd openssh-client:ssh sudo:sudo curl:curl openssl:openssl \
		systemd-container:systemd-nspawn dbus:dbus-daemon \
		openjdk-17-jdk-headless:java maven:mvn
	install_modules
}

# fetch brings what only tests need, below .run and while the checks run; fetched waits for it.
fetching=''
fetch() {
	go run ./tools/dev/stream fetch
	install_schemathesis
}

fetched() {
	[[ -n $fetching ]] || return 0
	wait "$fetching" || die "what the tests need could not be fetched"
	fetching=''
}

# The compiler of TypeScript, the program that makes the client's types, and what drives a
# browser.
install_modules() {
	local folder
	for folder in webapp/client/ts webapp/ui; do
		[[ $folder/node_modules/.package-lock.json -nt $folder/package-lock.json ]] ||
			npm ci --prefix "$folder" --no-audit --no-fund --loglevel error
	done
}

install_schemathesis() {
	local folder=.run/tools/schemathesis list=tools/pinned/schemathesis.txt
	cmp -s "$list" "$folder/installed.txt" && return
	python3 -m venv --clear "$folder"
	"$folder/bin/pip" install --quiet --disable-pip-version-check --requirement "$list"
	cp "$list" "$folder/installed.txt"
}

checks() {
	local unformatted
	unformatted=$(gofmt -l ./*/)
	[[ -z $unformatted ]] || die "not formatted, run gofmt -w: $unformatted"
	go mod tidy -diff
	go vet ./...
	go tool -modfile=tools/pinned/go.mod staticcheck ./...
	breaking
	if command -v shellcheck >/dev/null; then
		git ls-files | xargs grep -lE '^#!.*(bash|sh)$|^# shellcheck shell' | xargs shellcheck
		git ls-files 'tools/**.sh' | xargs shellcheck
	else
		complain "shellcheck is not installed (Debian package shellcheck): skipping the shell scripts"
	fi
}

# A change of openapi.yaml that can break a program needs a new first number of its version.
# released/openapi.yaml is the document as it was last released; a release copies it there.
breaking() {
	local old=webapp/docs/released/openapi.yaml new=webapp/docs/openapi.yaml
	[[ $(first_number "$old") == "$(first_number "$new")" ]] || return 0
	go tool -modfile=tools/pinned/go.mod oasdiff breaking --allow-external-refs=false --fail-on ERR "$old" "$new" ||
		die "openapi.yaml breaks programs that work: undo that, or raise the first number of info.version"
}

first_number() { sed -n 's/^  version: \([0-9]*\)\..*/\1/p' "$1"; }

# What the tests have sent and been answered, against the document.
compare_traffic() {
	(cd tools/dev/traffic && go build -o ../../../bin/ .)
	bin/traffic -document webapp/docs/openapi.yaml "$traffic"
}

# What measures the program as it is shipped, or takes too long under the race detector. `go test` runs the benchmarks of
# one package at a time, which leaves a processor to the others.
shipped() {
	local log beside failed=0
	log=$(mktemp)
	benchmarks >"$log" 2>&1 &
	beside=$!
	events || failed=1
	wait "$beside" || failed=1
	cat "$log"
	rm "$log"
	return "$failed"
}

# Benchmarks measure the program as it is shipped, and tests of allocations skip under the race detector. Only what has
# any is built, since all is built once more for the tests.
benchmarks() {
	local log packages
	log=$(mktemp)
	mapfile -t packages < <(git grep --untracked -lE '^func (Benchmark|Test[A-Za-z]*Alloc)' -- '*_test.go' ':!webapp/internal/httpd/rivals' |
		xargs dirname | sort -u | sed 's#^#./#')
	if ! go test -vet=off -run 'Alloc' -bench . -benchtime 1x "${packages[@]}" >"$log" 2>&1; then
		grep -vE '^(ok|PASS|goos|goarch|pkg|cpu|Benchmark)|no test files' "$log" >&2 || true
		die "a benchmark failed; the full output is in $log"
	fi
	say "$(grep -c '^Benchmark' "$log") benchmarks ran once"
	rm "$log"
}

# Ten million events without a false alarm of the audit: a tenth of what `make audit` plays. Under the race detector it
# takes ten times as long.
events() { go test ./webapp/state -count=1 -run EventsWithoutFalseAlarm -events 10000000; }

# The simulation knows no time but its own, so that it can have what the rest leaves of the processors, from beginning to
# end. A story takes ten times as long under the race detector: there are few of them among the tests.
simulating='' stories=''
begin_simulation() {
	stories=$(mktemp)
	timeout $((29 * 60 - SECONDS)) nice -n 19 go test -count 1 -timeout 0 ./webapp/simulate >"$stories" 2>&1 &
	simulating=$!
}

end_simulation() {
	local failed=0
	wait "$simulating" || failed=1
	simulating=''
	cat "$stories"
	rm "$stories"
	return "$failed"
}

# Those that take longest begin first, so that none of them is left alone at the end: one that waits beside one that
# works.
longest=(webapp/sqlstore webapp/engine webapp/stream bench/cmd/bench webapp/client)

# Under the race detector a processor does a fifth of its work. These are not worth that: what one goroutine plays, or
# some that share nothing, and what asks whole processes one thing after the other, or has them depose each other for
# want of a processor. The server's goroutines meet under the detector in engine, api, server, feed and, as whole processes, in
# stream and client; `test.sh ./webapp/acceptance` watches what it is given.
unwatched=(tools/ops/fleet/release webapp/acceptance webapp/ui webapp/crash tools/ops/lab nginx tools/ops/observability
	tools/ops/lab/cluster bench/model bench/world tools/dev/matchlab tools/dev/archcheck tools/dev/seed webapp/match webapp/audit)

# all_tests ends the tests when the whole run has taken 29 minutes. There are as many packages at a time as processors:
# with one more it is over sooner, and servers that wait for a processor depose each other.
all_tests() {
	local packages failed=0
	mapfile -t packages < <(go list ./... | grep -vxF "$(printf 'isuride/%s\n' "${unwatched[@]}")")
	within=(timeout --signal INT --kill-after 20 $((29 * 60 - SECONDS)))
	go build -o bin/ ./tools/dev/skips
	{
		"${within[@]}" go test -json -vet=off -timeout 14m -p "$(nproc)" "${unwatched[@]/#/./}" || failed=1
		within=(timeout --signal INT --kill-after 20 $((29 * 60 - SECONDS)))
		watched -p "$(nproc)" "${longest[@]/#/isuride/}" "${packages[@]}" || failed=1
		return "$failed"
	} | bin/skips "${skips[@]}"
}

tests() {
	go build -o bin/ ./tools/dev/skips
	watched "$@" | bin/skips "${skips[@]}"
}

# watched runs tests under the race detector. `go vet` has looked at the packages before, and more thoroughly than
# `go test` does. sqlite/lib is C translated to Go, whose accesses to memory take many times as long when
# they are watched; no goroutine of ours meets another there. (Of other packages this cannot be said: one that
# instantiates sync/atomic's types without the race detector does so for the whole program.)
within=()
watched() {
	local race=()
	if command -v gcc >/dev/null; then
		race=(-race '-gcflags=modernc.org/sqlite/lib=-race=false' -exec 'env CGO_ENABLED=0') # which is for the programs that tests build
	else
		complain "gcc is not installed: running without the race detector"
	fi
	CGO_ENABLED=$((${#race[@]} > 0)) "${within[@]}" go test -json "${race[@]}" -vet=off -timeout 14m "$@"
}

clean_tree() {
	local after
	after=$(git status --porcelain)
	[[ $after == "$before" ]] || die "the run has changed the working tree:
$after"
}

main "$@"
