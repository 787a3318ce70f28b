# shellcheck shell=bash disable=SC2154
# Makes $text the configuration of nginx, the file $config, unless nginx refuses it.
printf %s "$text" >"$config.new"
nginx -q -t -c "$config.new"
mv "$config.new" "$config"
systemctl reload nginx.service
