# Makes the database, and the account that may use it and nothing else, from the address
# of the server only ($client). Accounts of its name at other addresses go, such as the
# contest's, whose password everybody knows.
sql=$(command -v mariadb || command -v mysql) || die "there is no client of the database"
"$sql" <<<"$statements"
others=$("$sql" --batch --skip-column-names <<<"SELECT host FROM mysql.user WHERE user = '$user' AND host <> '$client'")
for host in $others; do
	"$sql" <<<"DROP USER '$user'@'$host'"
done
