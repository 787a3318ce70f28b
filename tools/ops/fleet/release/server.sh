# Waits until the server is healthy, for $limit seconds at most. $id is the release that
# it must be of, if not empty.
unit=isuride-go.service
pid='' starts=0 said='it does not run'
restarts() {
	local n
	n=$(systemctl show -p NRestarts --value "$unit")
	echo "${n:-0}"
}
before=$(restarts)
deadline=$((SECONDS + limit))
while ((SECONDS < deadline)); do
	now=$(systemctl show -p MainPID --value "$unit")
	if [[ ${now:-0} != 0 && $now != "$pid" ]]; then
		pid=$now
		((starts += 1))
	fi
	if ((starts > 2 || $(restarts) > before + 2)); then
		die "$unit ends again and again"
	fi
	if [[ ${now:-0} != 0 ]]; then
		if [[ -n $id && ! /proc/$now/exe -ef $releases/$id/isuride ]]; then
			said='another program runs'
		elif answer=$(curl --noproxy '*' -sS --max-time 2 -w '\n%{http_code}' "http://$internal/healthz" 2>&1) && [[ $answer == *$'\n'200 ]]; then
			exit 0
		else
			said=$(head -n 1 <<<"$answer")
		fi
	fi
	sleep 0.5
done
die "$unit is not healthy after $limit s: $said"
