# Prints what the host has of the pair for TLS: two checksums, or nothing. A pair that its
# nginx has used so far, such as the contest's, is taken over.
dir=$root/etc/nginx/isuride
used() { # DIRECTIVE
	local path
	path=$(sed -nE "s/^([^#]*[;{])?[[:space:]]*$1[[:space:]]+([^;\"']+);.*/\2/p" \
		"$root"/etc/nginx/nginx.conf "$root"/etc/nginx/{conf.d,sites-enabled}/* 2>/dev/null | head -n 1 || true)
	case $path in
	'') ;;
	/*) echo "$root$path" ;;
	*) echo "$root/etc/nginx/$path" ;;
	esac
}
if [[ $adopt == yes && ! -e $dir/key.pem ]]; then
	cert=$(used ssl_certificate) key=$(used ssl_certificate_key)
	if [[ -s $cert && -s $key ]]; then
		(
			umask 077
			mkdir -p "$dir"
			cp "$key" "$dir/key.pem"
			cp "$cert" "$dir/cert.pem"
		)
	fi
fi
if [[ -e $dir/key.pem && -e $dir/cert.pem ]]; then
	cert=$(sha256sum <"$dir/cert.pem")
	echo "$cert"
	sha256sum <"$dir/key.pem"
	# Another one than last time, also if people have put it there, needs a reload.
	if [[ $cert != "$(cat "$webapp/.certificate" 2>/dev/null)" ]]; then
		mkdir -p "$webapp/.pending"
		: >"$webapp/.pending/reload.nginx.service" # at the next deploy
		echo "$cert" >"$webapp/.certificate"
	fi
fi
