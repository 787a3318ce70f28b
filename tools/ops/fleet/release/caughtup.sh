# Waits until the server $peer lacks at most $most events of the one here, which leads, for
# $limit seconds at most.
deadline=$((SECONDS + limit))
while
	behind=$(curl --noproxy '*' -sS --max-time 5 "http://$internal/metrics" 2>/dev/null |
		awk -v name="isuride_replica_peer_behind{peer=\"$peer\"}" '$1 == name { printf "%d", $2; exit }') || true
	[[ -z $behind || $behind -gt $most ]]
do
	((SECONDS < deadline)) || die "$peer has not caught up after $limit s: it lacks ${behind:-an unknown number of} events of the leader"
	sleep 0.2
done
