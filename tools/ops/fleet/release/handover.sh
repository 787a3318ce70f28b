# Has the server here, which leads, make another one the leader: $to, or the best.
answer=$(curl --noproxy '*' -sS --max-time 15 -X POST -w '\n%{http_code}' "http://$internal/promote?to=$to" 2>&1) || die "$(head -n 1 <<<"$answer")"
[[ $answer == *$'\n'200 ]] || die "$(head -n 1 <<<"$answer")"
head -n 1 <<<"$answer"
