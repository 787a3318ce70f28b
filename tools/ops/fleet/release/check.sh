# Lets nginx look at the configuration of release $id.
if said=$(nginx -t -q -c "$releases/$id/files/etc/nginx/nginx.conf" 2>&1); then
	exit 0
fi
die "nginx refuses its new configuration: $(grep -m 1 -F '[emerg]' <<<"$said" || head -n 1 <<<"$said")"
