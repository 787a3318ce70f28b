#!/usr/bin/env bash
# Fills in nginx/nginx.conf.template and prints it.
#
#   NGINX_USER=... NGINX_RUN=... scripts/nginx.sh render >nginx.conf
#
# All variables of the template must be set; nginx/README.md says what they mean.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
variables=(NGINX_USER NGINX_RUN NGINX_LISTEN NGINX_CERT NGINX_KEY NGINX_STATIC NGINX_UPSTREAM)

render() {
	local config name value
	config=$(<"$root/nginx/nginx.conf.template")
	for name in "${variables[@]}"; do
		value=${!name-}
		if [[ -z $value ]]; then
			echo "nginx.sh: $name must be set" >&2
			return 1
		fi
		if [[ $value =~ [[:space:]\;\{\}\"\'\$\\#] ]]; then
			echo "nginx.sh: $name holds a character that nginx would misread: $value" >&2
			return 1
		fi
		config=${config//"\${$name}"/"$value"}
	done
	printf '%s\n' "$config"
}

case ${1-} in
render) render ;;
*)
	echo "usage: nginx.sh render" >&2
	exit 2
	;;
esac
