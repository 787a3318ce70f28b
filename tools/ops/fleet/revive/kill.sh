# shellcheck shell=bash
# Ends the server at once, without a chance to write anything.
pid=$(systemctl show -p MainPID --value isuride-go.service)
if ((pid == 0)); then
	echo "the server does not run" >&2
	return 1
fi
kill -KILL "$pid"
