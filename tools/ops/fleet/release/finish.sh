# Makes the release $id out of the folder that stage.sh began, once it has arrived as a
# whole. $sums is what it must hold.
if [[ -e $releases/$id ]]; then
	exit 0
fi
new=$releases/.$id.new
printf '%s\n' "$sums" >"$new/sums"
(cd "$new" && sha256sum --check --quiet sums >/dev/null 2>&1) || die "what has arrived is not what was sent; try again"
find "$new" -type d -exec chmod 755 {} +
sync --file-system "$new" # a link to it must not survive a power loss that it does not
mv -T "$new" "$releases/$id"
