# shellcheck shell=bash
# Functions for the other scripts, which source this file: messages, packages, and
# processes that outlive the script that started them.
#
# The state of a process NAME is in the folder $state, which the sourcing script sets:
# NAME.pid, NAME.log, and NAME.id, which distinguishes it from a later process with the
# same pid.
# shellcheck disable=SC2154

PATH=$PATH:/usr/sbin:/sbin # Debian keeps servers there, outside a user's PATH

say() { printf '%s\n' "$*"; }

complain() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; }

die() {
	complain "$@"
	exit 1
}

# need_packages PACKAGE:PROBE... makes sure that every probe, a command or an absolute
# path, exists. As root it installs the missing packages, otherwise it names them and
# fails.
need_packages() {
	local pair missing=()
	for pair; do
		present "${pair#*:}" || missing+=("${pair%%:*}")
	done
	((${#missing[@]})) || return 0
	if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
		complain "missing: ${missing[*]}. On Debian, as root: apt-get install --no-install-recommends ${missing[*]}"
		return 1
	fi
	say "installing ${missing[*]}"
	install_packages "${missing[@]}"
}

present() {
	case $1 in
	/*) [[ -e $1 ]] ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

# install_packages installs without starting any service, now or at the next boot. It
# runs in a subshell because of the trap.
install_packages() (
	policy=/usr/sbin/policy-rc.d # Debian's switch; 101 forbids starting
	log=$(mktemp) || exit
	trap 'rm -f "$log"' EXIT
	if [[ ! -e $policy ]]; then
		trap 'rm -f "$log" "$policy"' EXIT
		printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" || exit
	fi
	export DEBIAN_FRONTEND=noninteractive
	# First comes what an installation that was interrupted has left. Another one may be under way.
	options=(-qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Acquire::http::Timeout=60)
	if ! {
		dpkg --configure -a || true
		apt-get "${options[@]}" update && apt-get "${options[@]}" install -y --no-install-recommends "$@"
	} >"$log" 2>&1; then
		complain "the installation failed:"
		tail -n 20 "$log" >&2
		exit 1
	fi
	for package; do # a service may be in a dependency of this package
		echo "$package.service"
		dpkg -L "$package" | sed -nE 's#.*/systemd/system/([^/@]+\.(service|socket))$#\1#p'
	done | while read -r unit; do
		systemctl disable "$unit" >/dev/null 2>&1 || true
	done
)

# launch NAME COMMAND... runs the command in its own session, so that neither Ctrl-C nor a
# closed terminal ends it.
launch() {
	local name=$1
	shift
	setsid "$@" >>"$state/$name.log" 2>&1 </dev/null &
	identity $! >"$state/$name.id" || true # it may have ended already
	echo $! >"$state/$name.pid"
}

# identity PID prints a value that no other process ever has: boot and start time. It
# fails for a process that has ended, even if it is still a zombie.
identity() {
	local stat fields
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	read -ra fields <<<"${stat##*) }" # from the third field of proc(5) on
	[[ ${fields[0]} != Z ]] || return 1
	echo "$(</proc/sys/kernel/random/boot_id) ${fields[19]}"
}

# pid_of NAME prints the pid, or fails if the process is not running.
pid_of() {
	local pid id
	pid=$(cat "$state/$1.pid" 2>/dev/null) || return 1
	id=$(identity "$pid") || return 1
	[[ $id == "$(cat "$state/$1.id" 2>/dev/null)" ]] || return 1
	echo "$pid"
}

# await NAME SECONDS COMMAND... waits until the command succeeds. If the process exits or
# the time is up, it shows the end of the log and fails.
await() {
	local name=$1 limit=$2 tries
	shift 2
	for ((tries = 0; tries < limit * 10; tries++)); do
		if "$@" >/dev/null 2>&1; then
			return 0
		fi
		if ! pid_of "$name" >/dev/null; then
			echo >&2
			complain "$name exited; the end of $state/$name.log:"
			tail -n 20 "$state/$name.log" >&2
			return 1
		fi
		((tries % 10)) || printf '.'
		sleep 0.1
	done
	echo >&2
	complain "$name is not ready after $limit s; the end of $state/$name.log:"
	tail -n 20 "$state/$name.log" >&2
	return 1
}

# halt NAME SIGNAL SECONDS stops the process cleanly. It never kills: a process that takes
# longer is still working, and only a person should decide to lose that work.
halt() {
	local name=$1 signal=$2 limit=$3 pid tries
	if pid=$(pid_of "$name"); then
		kill "-$signal" "$pid"
		for ((tries = 0; tries < limit * 10; tries++)); do
			pid_of "$name" >/dev/null || break
			sleep 0.1
		done
		if pid_of "$name" >/dev/null; then
			complain "$name (pid $pid) has not stopped within $limit s; see $state/$name.log"
			return 1
		fi
	fi
	rm -f "$state/$name.pid" "$state/$name.id"
}

# taken HOST:PORT succeeds if something goes on listening there for three seconds: what a program that was killed
# leaves goes with its memory, which takes a moment on a busy machine.
taken() {
	local try
	for ((try = 0; try < 30; try++)); do
		(: <"/dev/tcp/${1%:*}/${1##*:}") 2>/dev/null || return 1
		sleep 0.1
	done
}
