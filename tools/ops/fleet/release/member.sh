# Prints what the server of a group says of itself: whether it leads, and a sentence.
code=$(curl --noproxy '*' -sS --max-time 2 -o /dev/null -w '%{http_code}' "http://$internal/healthz?leader" 2>/dev/null) || true
if [[ $code == 200 ]]; then
	echo "leads yes"
fi
says=$(curl --noproxy '*' -sS --max-time 2 "http://$internal/healthz" 2>&1) || true
echo "says $(head -n 1 <<<"$says")"
