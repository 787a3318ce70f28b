# Makes the data of a group that has never led those of a server alone again, on the host whose
# they were, and takes the copies away from the others.
systemctl stop isuride-go.service >/dev/null 2>&1 || true # it may have no such service
folder=$(journals)
[[ $(kind) == group ]] || exit 0
for before in "$folder"/alone-*; do
	[[ -d $before ]] || continue
	rm -rf "$folder/group-0"
	mv -T "$before" "$folder/${before##*/alone-}"
done
rm -rf "$folder/group-0"
rm -f "$webapp/.founding"
