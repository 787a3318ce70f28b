# The actions of the project; `make` alone lists them.

GO ?= go

.PHONY: stream-up stream-down stream-test stream-bench audit picture ui-bench ui-soak help build interface run cluster cluster-kill cluster-bench cluster-crash cluster-faults ride up down test check bench calibrate duel cost overload perf matchlab simulate dashboard clean setup deploy rollback restart promote status watch fleet logs fleet-bench fleet-generator reboot-test doctor access-log slow-log lab-up lab-down lab-test

help: ## list the actions
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

build: interface ## build all programs into bin/
	$(GO) build -o bin/ ./webapp/cmd/... ./bench/cmd/... ./tools/dev/ride ./tools/dev/paymentmock ./tools/dev/devcert

interface: # what the server carries of webapp/ui
	@$(GO) run ./tools/dev/webbuild

run: interface ## start the server on this machine alone: https://localhost:8443 and http://localhost:8080, data in .run/dev
	@echo "building; the first time takes about a minute"
	@$(GO) build -o bin/ ./webapp/cmd/isuride ./tools/dev/devcert ./tools/dev/paymentmock
	@scripts/run.sh

cluster: ## start three replicas, nginx and a payment gateway on this machine, ARGS="-mysql" or "-witness" for instance; says who leads
	@$(GO) build -o bin/ ./webapp/cmd/isuride ./tools/dev/cluster
	@bin/cluster run $(ARGS)

cluster-kill: ## kill the leader of `make cluster` and tell how long riders waited, ARGS="-n 100" or "-how handover" for instance
	@$(GO) build -o bin/ ./tools/dev/cluster
	@bin/cluster kill $(ARGS)

cluster-bench: ## run the benchmarker against a cluster of its own and kill the leader half way, ARGS="-t 20 -how stop" or "-mysql" for instance
	@$(GO) build -o bin/ ./webapp/cmd/isuride ./bench/cmd/bench ./tools/dev/cluster
	@bin/cluster bench $(ARGS)

ROUNDS ?= 10
cluster-faults: ## make every fault to real groups under load, with ROUNDS=10 and ARGS="-held 10s -record bench/results/faults.jsonl"; root and strace for the disks; 10 minutes
	@$(GO) test ./webapp/crash -count 1 -timeout 6h -run TestClusterFaults -v -rounds $(ROUNDS) $(ARGS)

KILLS ?= 20
cluster-crash: ## kill the leaders of two real groups amid rides and payments, KILLS=100 times each, and ask for all that was told and paid
	@$(GO) test ./webapp/crash -count 1 -timeout 6h -run 'TestCluster$$' -v -kills $(KILLS) $(ARGS)

ride: ## drive one ride through all states against the server that runs
	@$(GO) run ./tools/dev/ride

up: build ## start the contest's stack: MariaDB, nginx, payment gateway and server, all below .run/
	@scripts/up.sh

down: ## stop what `make up` started
	@scripts/down.sh

stream-up: ## start Kafka and QuestDB, and bring them the events of the server of `make run`; needs Java 17, and Maven the first time
	@$(GO) build -o bin/ ./webapp/cmd/isuride ./tools/dev/stream
	@scripts/stream.sh up

stream-down: ## stop what `make stream-up` started
	@scripts/stream.sh down

stream-test: ## kill Kafka, QuestDB, stream and sink under load, KILLS times each, and count what arrived; about 10 minutes
	@$(GO) test ./webapp/stream -count=1 -run TestKills -v -timeout 60m -kills $(KILLS)

stream-bench: ## measure what the stream costs, with ARGS="-bench Age -benchtime 1200000x" for instance; needs a quiet machine
	@$(GO) test ./webapp/stream -run '^$$' -bench 'Chain|Producer|Age|Away' -benchtime 3600000x -away 1m -timeout 60m $(ARGS)

bench: ## run the benchmarker for 60 s against the server on fresh data, with ARGS="-t 20 -n 3" for instance; ARGS="-client official" is as the contest runs it
	@$(GO) build -o bin/ ./webapp/cmd/isuride ./bench/cmd/bench ./tools/dev/devcert
	@scripts/bench.sh $(ARGS)

dashboard: ## draw the Grafana dashboard of a run of `make bench`, with ARGS="-t 20" for instance; needs Prometheus, not Grafana
	@$(GO) build -o bin/ ./webapp/cmd/isuride ./bench/cmd/bench ./tools/ops/observability
	@scripts/dashboard.sh $(ARGS)

calibrate: ## compare the benchmarker with the official one's figures, with ARGS="-n 3 -virtual" for instance; 8 minutes
	@$(GO) build -o bin/ ./bench/compare
	@bin/compare calibrate $(ARGS)

duel: ## compare our server with the naive one, plain, with MariaDB, with TLS and with static files, with ARGS="-n 1" for instance; 50 minutes
	@$(GO) build -o bin/ ./bench/compare
	@bin/compare duel $(ARGS)

matchlab: ## compare matching policies in all regimes, in virtual time, with ARGS="-seeds 2 city static" for instance; 8 minutes alone
	@$(GO) run ./tools/dev/matchlab -regimes -seeds 10 $(ARGS)

SEEDS ?= 200
simulate: ## play stories of a cluster that suffers, with SEEDS=10000 for instance; ARGS="-first 4711 -story" tells one; half a minute for 200 on two processors
	@$(GO) build -o bin/ ./tools/dev/simulate
	@bin/simulate -seeds $(SEEDS) $(ARGS)

cost: ## compare the CPU that a ride costs two servers at half load, with ARGS="-before PROGRAM" or ARGS="-set ISURIDE_NAME=VALUE"; 16 minutes
	@$(GO) build -o bin/ ./bench/compare
	@bin/compare cost $(ARGS)

overload: ## ask a server that has 0.3 of a processor for 3.5 times what it can do, and hold the medians of three pairs to bars; needs root; 9 minutes
	@$(GO) build -o bin/ ./bench/compare
	@bin/compare overload $(ARGS)

perf: ## run the micro benchmarks and a short duel, and compare with what this machine has stored; ARGS=-save stores
	@$(GO) build -o bin/ ./bench/compare
	@bin/compare perf $(ARGS)

setup deploy rollback restart promote status watch logs reboot-test doctor: fleet
	@bin/fleet $(FLEET) $@ $(ARGS)

fleet: interface
	@$(GO) build -o bin/ ./tools/ops/fleet

setup: ## prepare the hosts of scripts/hosts for releases; deploy does so by itself
deploy: ## bring the server to the hosts of scripts/hosts, wait until it is healthy, undo if not; FLEET=-dry-run only tells
rollback: ## go back to the release before on all hosts
restart: ## restart services on the hosts, with ARGS="-hosts s1 isuride-go" for instance
promote: ## have another server of a group of replicas lead, ARGS=s2 for instance
status: ## show services and releases of all hosts
watch: ## show what the hosts and the server do; ARGS="-local 127.0.0.1:8081" for a server here with ISURIDE_INTERNAL
logs: ## show failures and the ends of all logs of the hosts; ARGS="access on", "slow on", "collect FOLDER": see tools/ops/fleet/README.md
reboot-test: fleet-generator ## run shortly, reboot all hosts, ask for what was acknowledged
doctor: ## look for what is wrong with the hosts, or soon will be

access-log: ## a table of nginx's access log by endpoint, ARGS="s1.log,s2.log.gz"; of two runs side by side, ARGS="before.log after.log"
	@scripts/log-table.sh access $(ARGS)

slow-log: ## the same of the slow query log, by statement, with ARGS="slow.log --sort max-query-time" for instance
	@scripts/log-table.sh slow $(ARGS)

fleet-bench: fleet fleet-generator ## run the benchmarker against the hosts, keep logs, profile and score in .run/runs
	@bin/fleet $(FLEET) bench $(ARGS)

fleet-generator:
	@$(GO) build -o bin/ ./bench/cmd/bench

lab-up: ## make three hosts on this machine to try things on, as root; see tools/ops/lab/README.md
	@scripts/lab.sh up

lab-down: ## end them
	@scripts/lab.sh down

lab-test: ## deploy to them, load them, reboot them, break them: about 8 minutes; ARGS=-short for two
	@scripts/lab.sh test $(ARGS)

audit: ## play 100 million random events and recount the books of each city: 2 minutes
	@$(GO) test ./webapp/state -count=1 -run EventsWithoutFalseAlarm -v -events 100000000

test: ## install what the tests need, then check and test everything; ARGS="-run TestCrash ./webapp/..." for some tests
	@scripts/test.sh -install $(ARGS)

check: ## the same without installing
	@scripts/test.sh $(ARGS)

picture: interface ## draw the pictures of the interface again, with which the README begins and its test compares, and the film of the docs; needs Node and Chromium
	@$(GO) test ./webapp/ui -count=1 -run 'TestPictures|TestFilm' -update -v

ui-bench: interface ## show 2,000 chairs in Chromium, and tell frames a second and what one takes; needs a quiet machine; 30 seconds
	@$(GO) test ./webapp/ui -run '^$$' -bench City -benchtime 1x -measure

ui-soak: interface ## keep the city's page open for ten minutes: what it keeps in memory, and whether its copy is exact
	@$(GO) test ./webapp/ui -count=1 -timeout 30m -run TestSoak -soak 10m -v

clean: down stream-down lab-down ## stop the stack and remove everything that was built or stored
	rm -rf bin .run
