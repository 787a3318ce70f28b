# Waits until the sink runs: it shows its figures, also while it waits for Kafka or QuestDB. A
# release from before there was one has none.
grep -qx 'service stream - isuride-sink.service -' "$webapp/current/manifest" || exit 0
end=$((SECONDS + limit))
until curl --noproxy '*' -sSf -o /dev/null --max-time 2 "http://$internal/metrics" 2>/dev/null; do
	if ((SECONDS >= end)); then
		die "the sink does not run after $limit s: $(journalctl -u isuride-sink.service -n 1 --no-pager -o cat 2>/dev/null)"
	fi
	sleep 0.2
done
