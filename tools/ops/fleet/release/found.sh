# Stops the server alone, in good order, and makes its data those of the first member of a group,
# with the program of release $id. It can be repeated.
systemctl stop isuride-go.service >/dev/null 2>&1 || die "isuride-go.service does not stop"
if [[ $(kind) == alone ]]; then
	: >"$webapp/.founding" # until the release is confirmed
	environment=(ISURIDE_DATA=/var/lib/isuride)
	while read -r name; do
		environment+=("$name=$(setting "$name" '')")
	done < <(sed -nE 's/^[[:space:]]*(export[[:space:]]+)?([A-Z][A-Z0-9_]*)=.*/\2/p' "$root/home/isucon/env.sh")
	# On standard input, since all users of the host may read arguments.
	said=$(printf '%s\n' "${environment[@]}" | runuser -u isucon -- bash -c 'while IFS= read -r one; do export "$one"; done; exec "$1" member' member "$releases/$id/isuride" 2>&1) ||
		die "$(tail -n 1 <<<"$said")"
fi
[[ $(kind) == group ]] || die "there are no data of a server alone in $(journals)"
