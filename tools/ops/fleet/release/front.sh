# Waits until requests by HTTPS get to the server, for $limit seconds at most. $probe is a
# request that the server answers with 401.
mapfile -t request <<<"$probe"
deadline=$((SECONDS + limit))
while
	answer=$(curl --noproxy '*' -sS --max-time 2 -o /dev/null -w '%{http_code}' "${request[@]}" 2>&1) || true
	[[ $answer != 401 ]]
do
	((SECONDS < deadline)) || die "no answer of the server comes through after $limit s: $(head -n 1 <<<"$answer")"
	sleep 0.5
done
