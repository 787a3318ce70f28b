# Makes release $id the one that runs, as far as $phase goes: puts its files where they
# belong, takes away those of the releases $from that it does not have, and makes the changes
# count. $link says if `current` moves now. Whatever an interruption leaves is caught up
# on by the next time: what has to restart is noted in the folder .pending before a file
# changes, and forgotten after the restart. Until the change is confirmed or undone,
# .replacing is a link to the new release, and .replaced to the one to go back to.
exec 8>>"$webapp/.activate"
flock --wait 200 8 || die "another change of the host does not end"

release=$releases/$id
pending=$webapp/.pending
mkdir -p "$pending"

was=$(basename "$(readlink "$webapp/current" || true)")
if [[ $was != "$id" && ! -L $webapp/.replaced ]]; then
	ln -s "releases/${was:-original}" "$webapp/.replaced"
fi
if back=$(readlink "$webapp/.replaced") && [[ $back != "releases/$id" ]]; then
	ln -sfn "releases/$id" "$webapp/.replacing"
fi

# lines RELEASE KIND prints the lines of its manifest that belong to the phase.
lines() {
	awk -v kind="$2" -v phase="$phase" '$1 == kind && $2 == phase' "$releases/$1/manifest"
}

# has KIND NAME reports whether the release has the file or service, in any phase.
has() {
	awk -v kind="$1" -v name="$2" '$1 == kind && $(kind == "file" ? 5 : 4) == name { found = 1 } END { exit !found }' "$release/manifest"
}

note() { # EFFECT UNIT PATH
	: >"$pending/$1.$2"
	case $3 in
	/etc/systemd/system/*) : >"$pending/daemon-reload" ;;
	esac
}

put() { # FILE PATH
	local to=$root$2
	mkdir -p "$(dirname "$to")"
	cp "$1" "$to.isuride-new"
	chmod 644 "$to.isuride-new"
	mv -fT "$to.isuride-new" "$to"
}

start() { # UNIT VERB
	if ! systemctl "$2" "$1" >/dev/null 2>&1 8>&-; then
		die "$1 does not $2: $(journalctl -u "$1" -n 1 --no-pager -o cat 2>/dev/null)"
	fi
}

# What the releases before have and this one lacks.
for old in $from; do
	if [[ $old == "$id" ]]; then
		continue
	fi
	lines "$old" service | while read -r _ _ _ unit _; do
		has service "$unit" || systemctl disable --now "$unit" >/dev/null 2>&1 || die "$unit does not stop"
	done
	lines "$old" file | while read -r _ _ effect unit path; do
		if has file "$path"; then
			continue
		fi
		note "$effect" "$unit" "$path"
		if [[ -e $releases/original/files$path ]]; then
			put "$releases/original/files$path" "$path"
		else
			rm -f "$root$path"
		fi
	done
done

# What must not run beside this release holds a port that a service of it needs.
if [[ $phase == app ]]; then
	awk '$1 == "absent" { print $4 }' "$release/manifest" | while read -r unit; do
		if systemctl is-active "$unit" >/dev/null 2>&1 || systemctl is-enabled "$unit" >/dev/null 2>&1; then
			systemctl disable --now "$unit" >/dev/null 2>&1 || die "$unit does not stop"
		fi
	done
fi

lines "$id" file | while read -r _ _ effect unit path; do
	if ! cmp -s "$release/files$path" "$root$path"; then
		note "$effect" "$unit" "$path"
		put "$release/files$path" "$path"
	fi
done

# What a service reads at its start only, besides its unit.
parts() { # RELEASE UNIT
	local pattern
	case $2 in
	isuride-go.service) pattern='isuride|public/.*|sql/.*' ;;
	isuride-sink.service) pattern='isuride' ;;
	isuride-payment_mock.service) pattern='paymentmock' ;;
	*) return 0 ;;
	esac
	grep -E "^[0-9a-f]+  ($pattern)\$" "$releases/$1/sums" || true
}

# A service of a later phase is restarted when its turn comes.
if [[ $link == yes && $was != "$id" ]]; then
	awk '$1 == "service" { print $4 }' "$release/manifest" | while read -r unit; do
		new=$(parts "$id" "$unit")
		if [[ -n $new && (-z $was || $(parts "$was" "$unit") != "$new") ]]; then
			: >"$pending/restart.$unit"
		fi
	done
	ln -sfn "releases/$id" "$webapp/.current.new"
	mv -fT "$webapp/.current.new" "$webapp/current"
fi

if [[ -e $pending/daemon-reload ]]; then
	systemctl daemon-reload
	rm "$pending/daemon-reload"
fi
if [[ -e $pending/sysctl.- ]]; then
	lines "$id" file | while read -r _ _ effect _ path; do
		# A container may not have all of them; doctor reports those that matter.
		[[ $effect != sysctl ]] || sysctl -e -q -p "$root$path" >/dev/null 2>&1 || true
	done
	rm "$pending/sysctl.-"
fi
rm -f "$pending/nothing.-"

lines "$id" service | while read -r _ _ _ unit _; do
	systemctl is-enabled "$unit" >/dev/null 2>&1 || start "$unit" enable
	if [[ -e $pending/restart.$unit ]] || ! systemctl is-active "$unit" >/dev/null 2>&1; then
		systemctl reset-failed "$unit" >/dev/null 2>&1 || true
		start "$unit" restart
	elif [[ -e $pending/reload.$unit ]]; then
		start "$unit" reload
	fi
	rm -f "$pending/restart.$unit" "$pending/reload.$unit"
done
