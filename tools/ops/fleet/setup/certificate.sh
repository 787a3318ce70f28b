# Prints what the host has of the pair for TLS in the folder $dir: two checksums, or
# nothing. If it is to $ensure that there is one, a pair that its nginx has used so far,
# such as the contest's, or else one in the folder $other, is taken over; without either, one
# for $names is made. The group $reader may read the key, and $effect makes another pair
# count.
dir=$root$dir
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
if [[ $ensure == yes && ! -e $dir/key.pem ]]; then
	cert=$(used ssl_certificate) key=$(used ssl_certificate_key)
	if [[ ! -s $cert || ! -s $key ]]; then
		cert=$root$other/cert.pem key=$root$other/key.pem
	fi
	if [[ -s $cert && -s $key ]]; then
		(
			umask 077
			mkdir -p "$dir"
			cp "$key" "$dir/key.pem"
			cp "$cert" "$dir/cert.pem"
		)
	fi
fi
if [[ $ensure == yes && ! (-e $dir/key.pem && -e $dir/cert.pem) ]]; then
	# ECDSA, since its handshake costs a server a fraction of RSA's. Browsers refuse
	# certificates for more than 398 days.
	config="
		[req]
		distinguished_name = name
		x509_extensions = use
		prompt = no
		[name]
		CN = ISURIDE development
		[use]
		basicConstraints = critical, CA:FALSE
		keyUsage = critical, digitalSignature
		extendedKeyUsage = serverAuth
		subjectAltName = $names"
	said=$(umask 077 && mkdir -p "$dir" && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 397 \
		-config /dev/stdin -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>&1 <<<"$config") || die "$(tail -n 1 <<<"$said")"
fi
if [[ -e $dir/key.pem && -e $dir/cert.pem ]]; then
	if [[ $reader != root ]]; then
		chown "root:$reader" "$dir" "$dir/key.pem"
		chmod 750 "$dir"
		chmod 640 "$dir/key.pem"
		chmod 644 "$dir/cert.pem"
	fi
	cert=$(sha256sum <"$dir/cert.pem")
	echo "$cert"
	sha256sum <"$dir/key.pem"
	# Another one than last time, also if people have put it there, has to be read.
	if [[ $cert != "$(cat "$webapp/.certificate" 2>/dev/null)" ]]; then
		mkdir -p "$webapp/.pending"
		: >"$webapp/.pending/$effect" # at the next deploy
		echo "$cert" >"$webapp/.certificate"
	fi
fi
