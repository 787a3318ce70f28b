# shellcheck shell=bash disable=SC2154
# Comes before every script of hostscript.For, after lines that set front, tls, app, witness, db and
# stream to yes or no.

PATH=$PATH:/usr/sbin:/sbin

# nginx_files DIRECTIVE prints the files that nginx's configuration names for it.
nginx_files() {
	nginx -T 2>/dev/null | awk -v d="$1" '$1 == d { sub(/;$/, "", $2); if ($2 ~ /^\//) print $2 }' | sort -u
}

# sql STATEMENT runs it as the database's administrator and prints rows without heads.
sql() {
	"$(command -v mariadb || command -v mysql)" --batch --skip-column-names --execute "$1"
}

# database_file VARIABLE prints a file that the database writes.
database_file() {
	sql "SELECT IF(@@$1 LIKE '/%', @@$1, CONCAT(@@datadir, @@$1))"
}

# units prints the services of this host, those first that serve others.
units() {
	[[ $db == no ]] || database_unit
	[[ $app == no ]] || echo isuride-payment_mock.service
	[[ $app$witness == nono ]] || echo isuride-go.service
	[[ $front == no ]] || echo nginx.service
	[[ $stream == no ]] || echo isuride-sink.service
}

database_unit() {
	if [[ -e /lib/systemd/system/mariadb.service ]]; then
		echo mariadb.service
	else
		echo mysql.service
	fi
}
