# shellcheck shell=bash disable=SC2154
# Prints what tells one boot of this host from the next, and the state of its services.
# A boot has its own id, and where hosts share a kernel, its first process.
echo "boot $(cat /proc/sys/kernel/random/boot_id) $(awk '{ sub(/.*\) /, ""); print $20 }' /proc/1/stat)"
for unit in $(units); do
	active=$(systemctl is-active "$unit" || true)
	enabled=$(systemctl is-enabled "$unit" 2>/dev/null || true)
	pid=$(systemctl show -p MainPID --value "$unit" || true)
	echo "unit $unit ${active:-unknown} ${enabled:-unknown} ${pid:-0}"
done
if [[ $app$witness != nono ]]; then
	echo "health $(curl -sS --noproxy '*' --max-time 5 -o /dev/null -w '%{http_code}' http://127.0.0.1:8081/healthz 2>/dev/null || true)" # 000 without an answer
fi
