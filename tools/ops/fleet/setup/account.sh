# Makes the database, and the account that may use it and nothing else, from the addresses
# of the servers only ($clients). Accounts of its name at other addresses go, such as the
# contest's, whose password everybody knows.
sql=(mariadb)
command -v mariadb >/dev/null || sql=(mysql)
command -v "${sql[0]}" >/dev/null || die "there is no client of the database"
# Where root has a password, the package's own account serves.
if ! "${sql[@]}" <<<'SELECT 1' >/dev/null 2>&1 && [[ -e $root/etc/mysql/debian.cnf ]]; then
	sql+=("--defaults-file=$root/etc/mysql/debian.cnf")
fi
"${sql[@]}" <<<"$statements"
others=$("${sql[@]}" --batch --skip-column-names <<<"SELECT host FROM mysql.user WHERE user = '$user' AND host NOT IN ('${clients// /\', \'}')")
for host in $others; do
	"${sql[@]}" <<<"DROP USER '$user'@'$host'"
done
