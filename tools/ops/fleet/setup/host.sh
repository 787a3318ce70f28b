# Prepares a host for its $roles: what is missing of packages, the user, the folders.
# Nothing is fetched if nothing is missing, so that a host may be offline.
export DEBIAN_FRONTEND=noninteractive

# need PACKAGE PROBE... has the package installed unless the probe succeeds.
missing=()
need() {
	local package=$1
	shift
	"$@" >/dev/null 2>&1 || missing+=("$package")
}
has_database() { [[ -x $root/usr/sbin/mariadbd || -x $root/usr/sbin/mysqld ]]; }
has_stream() {
	[[ -e $root/usr/lib/nginx/modules/ngx_stream_module.so ]] || "$root/usr/sbin/nginx" -V 2>&1 | grep -q -e '--with-stream '
}

need curl command -v curl
need procps command -v ps
for role in $roles; do
	case $role in
	front) need nginx test -x "$root/usr/sbin/nginx" ;;&
	front | tls) need openssl command -v openssl ;;
	spread) need libnginx-mod-stream has_stream ;;
	db) need mariadb-server has_database ;;
	esac
done
if ((${#missing[@]})); then
	apt() { apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >/dev/null; }
	apt update
	apt install --yes --no-install-recommends "${missing[@]}"
fi

id -u isucon >/dev/null 2>&1 || useradd --create-home --shell /bin/bash isucon
mkdir -p "$webapp/releases"
chown isucon: "$webapp"

if [[ " $roles " == *" db "* ]]; then
	unit=mariadb.service
	if [[ ! -x $root/usr/sbin/mariadbd ]]; then
		unit=mysql.service
	fi
	systemctl enable --now "$unit" >/dev/null 2>&1 ||
		die "$unit does not start: $(journalctl -u "$unit" -n 1 --no-pager -o cat 2>/dev/null)"
fi
