# Begins the folder of release $id out of what the host has already, and prints what is
# missing. $want has a line for each of its files: checksum, size, path. The folder has a
# name of its own until it is complete.
if [[ -e $releases/$id ]]; then
	exit 0
fi
mkdir -p "$releases"
new=$releases/.$id.new
rm -rf "$releases"/.*.new # of deploys that did not get further
mkdir "$new"

declare -A have
if current=$(readlink -e "$webapp/current"); then
	while read -r sum path; do
		have[$sum]=$path
	done < <(find "$current" -type f -exec sha256sum {} +)
fi

bytes=0 missing=()
while read -r sum size path; do
	mkdir -p "$(dirname "$new/$path")"
	if [[ -n ${have[$sum]-} ]]; then
		ln "${have[$sum]}" "$new/$path" # releases never change
	else
		missing+=("$path")
		((bytes += size, 1))
	fi
done <<<"$want"

# The logs, the journal and the database may be on the same disk.
spare=$((64 << 20))
free=$(df --output=avail --block-size=1 "$releases" | tail -n 1)
if ((free < bytes + spare)); then
	rm -rf "$new"
	die "$((free >> 20)) MiB are free in ${releases#"$root"}, and $(((bytes + spare) >> 20)) MiB are needed; make room there"
fi
printf '%s\n' "${missing[@]}"
