# Writes the server's environment, and prints the database's user, name and password as
# they are to be. What is in the file already is kept, but for the place of the
# database ($host, $port), and the password that everybody knows. In a group all servers use the
# account of the first, which is in $access, and a witness has no database ($host is empty).
file=$root/home/isucon/env.sh
old=$(cat "$file" 2>/dev/null || true)
if [[ -z $old ]]; then
	old='# The environment of the server, read by systemd at its start: lines KEY="value".
# `make setup` sets where the database is. The password is made at random in the place of
# the well-known "isucon"; to keep that one, add the line: # keep the password'
fi

value() { # KEY DEFAULT
	local v
	v=$(sed -nE "s/^[[:space:]]*(export[[:space:]]+)?$1=(.*)$/\2/p" <<<"$old" | tail -n 1)
	v=${v%$'\r'}
	case $v in
	\"*\" | \'*\') v=${v:1:-1} ;;
	esac
	echo "${v:-$2}"
}

set_value() { # KEY VALUE
	local line="$1=\"$2\""
	if grep -qE "^[[:space:]]*(export[[:space:]]+)?$1=" <<<"$old"; then
		# Not as an argument, which all users of the host may read.
		old=$(line=$line awk -v key="$1" '$0 ~ "^[ \t]*(export[ \t]+)?" key "=" { print ENVIRON["line"]; next } { print }' <<<"$old")
	else
		old+=$'\n'$line
	fi
}

user='' name='' password=''
if [[ -n $host ]]; then
	user=$(value ISUCON_DB_USER isucon)
	name=$(value ISUCON_DB_NAME isuride)
	password=$(value ISUCON_DB_PASSWORD isucon)
	if [[ -n $access ]]; then
		{ read -r user && read -r name && read -r password; } <<<"$access"
	fi
fi
if [[ $password == isucon && -z $access ]] && ! grep -qx '# keep the password' <<<"$old"; then
	password=$(head -c 24 /dev/urandom | base64 | tr '+/' '-_')
fi
if [[ $user$name == *[!a-zA-Z0-9_]* || $password == *[!a-zA-Z0-9_.=@%+,:/-]* ]]; then
	die "env.sh has a character in the database's user, name or password that is not plain; change that"
fi
if [[ -n $host ]]; then
	set_value ISUCON_DB_HOST "$host"
	set_value ISUCON_DB_PORT "$port"
	set_value ISUCON_DB_USER "$user"
	set_value ISUCON_DB_NAME "$name"
	set_value ISUCON_DB_PASSWORD "$password"
fi

if [[ $old != "$(cat "$file" 2>/dev/null || true)" ]]; then
	mkdir -p "$webapp/.pending"
	: >"$webapp/.pending/restart.isuride-go.service" # at the next deploy
	(umask 077 && printf '%s\n' "$old" >"$file.new")
	mv -fT "$file.new" "$file"
fi
chown root:isucon "$file"
chmod 640 "$file"
printf '%s\n' "$user" "$name" "$password"
