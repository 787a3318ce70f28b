# shellcheck shell=bash disable=SC2154,SC1091,SC2012
# Prints what there is to know about this host: KEY VALUE lines. What cannot be found out
# has an empty value.
set +euo pipefail
printf 'clock.now %s\n' "$(date +%s.%N)" # first: the reader takes the time at which it arrives

put() { printf '%s %s\n' "$1" "$(tr '\n' ' ' <<<"$2" | sed 's/ *$//')"; }

system() {
	local name value path
	put system.os "$(. /etc/os-release && echo "$PRETTY_NAME")"
	put system.kernel "$(uname -r)"
	put system.cores "$(nproc)"
	put system.governor "$(cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor 2>/dev/null)"
	put system.steal "$(awk '$1 == "cpu" { print $9 / ($2 + $3 + $4 + $5 + $6 + $7 + $8 + $9) }' /proc/stat)" # since the boot
	while read -r name value _; do
		case $name in
		MemTotal: | MemAvailable: | SwapTotal: | SwapFree:) put "memory.${name%:}" "$value" ;; # KiB
		esac
	done </proc/meminfo
	for path in / /home/isucon /var/lib/isuride /var/lib/mysql /var/log; do
		test -e "$path" || continue
		put "disk.$path" "$(df -Pk "$path" | awk 'NR == 2 { print $6, $2, $4 }')" # mounted at, KiB, of them free
		put "inodes.$path" "$(df -Pi "$path" | awk 'NR == 2 { print $2, $4 }')"
	done
	for name in net.ipv4.ip_local_port_range net.core.somaxconn net.ipv4.tcp_max_syn_backlog net.ipv4.tcp_tw_reuse; do
		put "sysctl.$name" "$(cat "/proc/sys/${name//.//}")"
	done
}

# open_files PID KEY prints the limit, and how many are open.
open_files() {
	put "$2.nofile" "$(awk '/^Max open files/ { print $4 }' "/proc/$1/limits")"
	put "$2.open" "$(ls "/proc/$1/fd" | wc -l)"
}

services() {
	local unit pid
	for unit in $(units); do
		put "unit.$unit.active" "$(systemctl is-active "$unit")"
		put "unit.$unit.enabled" "$(systemctl is-enabled "$unit")"
		put "unit.$unit.restarts" "$(systemctl show -p NRestarts --value "$unit")"
		pid=$(systemctl show -p MainPID --value "$unit")
		if [[ $unit == nginx.service ]]; then # the workers have the connections
			pid=$(pgrep -P "${pid:-0}" | head -n 1)
		fi
		if [[ ${pid:-0} != 0 ]]; then
			open_files "$pid" "unit.$unit"
		fi
	done
	ss -Hltnp | awk '{ match($6, /"[^"]*"/); print $4, substr($6, RSTART + 1, RLENGTH - 2) }' | sort -u |
		awk '{ print "listen." NR, $0 }'
}

# environment PID NAME prints a variable of a process.
environment() {
	tr '\0' '\n' <"/proc/$1/environ" | sed -n "s/^$2=//p"
}

server() {
	local pid metrics name
	put env.mode "$(stat -c '%a %U:%G' /home/isucon/env.sh)"
	put server.deployed "$(readlink -f /home/isucon/webapp/current)"
	put server.health "$(curl -sS --noproxy '*' --max-time 10 -w ' %{http_code}' http://127.0.0.1:8081/healthz 2>&1)"
	metrics=$(curl -sS --noproxy '*' --max-time 10 http://127.0.0.1:8081/metrics 2>/dev/null)
	put server.revision "$(sed -nE 's/^isuride_build_info\{.*revision="([^"]*)".*/\1/p' <<<"$metrics")"
	put server.connections_max "$(awk '$1 == "isuride_http_connections_max" { print $2 }' <<<"$metrics")"
	pid=$(systemctl show -p MainPID --value isuride-go.service)
	[[ ${pid:-0} != 0 ]] || return
	put server.running "$(readlink "/proc/$pid/exe")"
	for name in ISURIDE_DURABILITY ISUCON_DB_HOST ISUCON_DB_PORT; do
		put "env.$name" "$(environment "$pid" "$name")"
	done
	if [[ $tls == yes ]]; then
		name=$(environment "$pid" ISURIDE_TLS_CERT)
		[[ -z $name ]] || put "certificate.$name" "$(base64 -w 0 "$name")"
	fi
	# A look at the port itself would count as a failed login, of which a database takes only
	# so many from a host.
	put server.database "$(ss -Htnp state established | grep -F "pid=$pid," | awk '{ print $4 }' | grep -c ":$(environment "$pid" ISUCON_DB_PORT)\$")"
}

front() {
	local file
	put nginx.version "$(nginx -v 2>&1)"
	put nginx.test "$(nginx -t 2>&1 | grep -E '\[(emerg|alert|crit|error)\]|test is successful' | tail -n 1)"
	put nginx.worker_connections "$(nginx -T 2>/dev/null | awk '$1 == "worker_connections" { sub(/;/, "", $2); print $2 }')"
	for file in $(nginx_files ssl_certificate); do
		put "certificate.$file" "$(base64 -w 0 "$file")"
	done
}

database() {
	local name
	for name in version max_connections max_allowed_packet innodb_flush_log_at_trx_commit innodb_buffer_pool_size log_bin; do
		put "database.$name" "$(sql "SELECT @@global.$name" 2>/dev/null)"
	done
}

# sink looks at what brings events to QuestDB, and at both ends of it.
sink() {
	local pid metrics brokers broker url name
	pid=$(systemctl show -p MainPID --value isuride-sink.service)
	[[ ${pid:-0} != 0 ]] || return
	brokers=$(environment "$pid" ISURIDE_KAFKA) url=$(environment "$pid" ISURIDE_QUESTDB)
	put sink.brokers "$brokers"
	put sink.database "$url"
	for broker in ${brokers//,/ }; do
		name=${broker%:*}
		name=${name#[}
		# shellcheck disable=SC2016
		if timeout 3 bash -c '</dev/tcp/$0/$1' "${name%]}" "${broker##*:}" 2>/dev/null; then
			put sink.broker "$broker"
		fi
	done
	put sink.questdb "$(curl -sS --noproxy '*' --max-time 10 -w ' %{http_code}' "$url/exec?query=SELECT%201" 2>&1)"
	metrics=$(curl -sS --noproxy '*' --max-time 10 http://127.0.0.1:8083/metrics 2>/dev/null)
	for name in suspended_tables dead_total; do
		put "sink.$name" "$(awk -v name="isuride_sink_$name" '$1 == name { print $2 }' <<<"$metrics")"
	done
}

system
services
[[ $app$witness == nono ]] || server
[[ $front == no ]] || front
[[ $db == no ]] || database
[[ $stream == no ]] || sink
true
