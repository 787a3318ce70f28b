# Prints the state of the services $units: UNIT STATE PID MEMORY SINCE, memory in bytes,
# since in seconds of the epoch.
for unit in $units; do
	state=$(systemctl show -p ActiveState --value "$unit")
	pid=$(systemctl show -p MainPID --value "$unit")
	memory=0 since=0
	if [[ ${pid:-0} != 0 ]] && age=$(ps -o etimes= -p "$pid"); then
		since=$(($(date +%s) - age))
		# A program and its children, such as nginx's workers.
		for p in "$pid" $(cat "/proc/$pid/task/$pid/children" 2>/dev/null || true); do
			((memory += $(awk '$1 == "VmRSS:" { print $2 * 1024 }' "/proc/$p/status" 2>/dev/null || echo 0), 1))
		done
	fi
	echo "$unit ${state:-unknown} ${pid:-0} $memory $since"
done
