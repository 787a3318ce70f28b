# Runs on a host: prints a frame a second, sections that begin with @@NAME. It ends when
# nobody reads any more. Set in front of it: $metrics, the address of the server's internal
# listener, or nothing; $unit, the server's; $current, the link to its release.
show() {
	printf '@@%s\n' "$1"
	shift
	"$@" 2>/dev/null || true
}

scrape() {
	[[ -z $metrics ]] || curl -q --noproxy '*' -sf -m 1 "http://$metrics/metrics"
}

# last_error is the newest error in the server's log. The journal is searched only when
# the server has counted one more, and not in every second.
counted='isuride_log_errors_total 0' newest='' rest=0
last_error() {
	local now
	now=$(grep -m 1 '^isuride_log_errors_total ' <<<"$1") || return 0
	if [[ $now != "$counted" ]] && ((SECONDS >= rest)); then
		counted=$now rest=$((SECONDS + 5))
		newest=$(sudo -n journalctl -u "$unit" -n 200 --no-pager -o cat |
			grep -E 'level=ERROR|"level":"ERROR"' | tail -n 1 | cut -c 1-500) || true
	fi
	printf ' %s\n' "$newest" # indented: no mark, whatever it is
}

while :; do
	show uptime cat /proc/uptime
	show load cat /proc/loadavg
	show cpu grep '^cpu' /proc/stat
	show memory grep -E '^Mem(Total|Available):' /proc/meminfo
	show network cat /proc/net/dev
	show sockets cat /proc/net/sockstat /proc/net/sockstat6
	show processes grep -hE '^[0-9]+ \((isuride|nginx|mariadbd|mysqld|paymentmock)\) ' /proc/[0-9]*/stat
	show release readlink "$current"
	text=$(scrape) || text=
	show metrics printf '%s\n' "$text"
	show error last_error "$text"
	printf '@@end\n'
	sleep 1 >/dev/null # a sleep that holds stdout would keep the reader waiting
done
