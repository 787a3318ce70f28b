# shellcheck shell=bash
# Comes before scripts that look after the server's data.

# setting KEY DEFAULT prints what env.sh says of a variable.
setting() {
	local v
	v=$(sed -nE "s/^[[:space:]]*(export[[:space:]]+)?$1=(.*)$/\2/p" "$root/home/isucon/env.sh" 2>/dev/null | tail -n 1) || true
	v=${v%$'\r'}
	case $v in
	\"*\" | \'*\') v=${v:1:-1} ;;
	esac
	echo "${v:-$2}"
}

# journals prints the folder of the journals.
journals() { echo "$root$(setting ISURIDE_JOURNAL "$(setting ISURIDE_DATA /var/lib/isuride)/journal")"; }

# kind prints whose data there are: alone, group, or nothing.
kind() {
	local folder
	for folder in "$(journals)"/[0-9]*/; do
		[[ ! -d $folder ]] || { echo alone && return; }
	done
	[[ ! -d $(journals)/group-0 ]] || echo group
}
