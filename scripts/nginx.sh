#!/usr/bin/env bash
# Fills in nginx/nginx.conf.template and prints it.
#
#   NGINX_USER=... NGINX_RUN=... scripts/nginx.sh render >nginx.conf
#
# nginx/README.md explains the variables and says which are required.
#
# In the template, "# if NAME", "# else" and "# end" choose between lines, and a line with
# a comma-separated list is repeated for each of its elements.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
required=(NGINX_USER NGINX_RUN NGINX_LISTEN NGINX_CERT NGINX_KEY NGINX_STATIC)
optional=(NGINX_ACCESS_LOG NGINX_SPREAD NGINX_HTTP2)
lists=(NGINX_UPSTREAM NGINX_FALLBACK NGINX_SPREAD_TO NGINX_TRUSTED) # the first is required

render() {
	local line condition chosen=1
	check || return
	NGINX_HTTP2=${NGINX_HTTP2:+ http2} # a word of the line
	while IFS= read -r line; do
		condition=${line#"${line%%[![:space:]]*}"} # without indentation
		case $condition in
		'# if '*)
			condition=${condition#'# if '}
			chosen=0
			[[ -z ${!condition-} ]] || chosen=1
			;;
		'# else') chosen=$((1 - chosen)) ;;
		'# end') chosen=1 ;;
		*) ((!chosen)) || fill "$line" ;;
		esac
	done <"$root/nginx/nginx.conf.template"
}

check() {
	local name value
	[[ ${NGINX_ACCESS_LOG-} != off ]] || NGINX_ACCESS_LOG=
	[[ ${NGINX_HTTP2-} != off ]] || NGINX_HTTP2=
	[[ ${NGINX_HTTP2:-on} == on ]] || refuse "NGINX_HTTP2 is $NGINX_HTTP2; it can be on or off" || return
	for name in "${required[@]}" NGINX_UPSTREAM; do
		[[ -n ${!name-} ]] || refuse "$name must be set" || return
	done
	[[ -n ${NGINX_SPREAD-} || -z ${NGINX_SPREAD_TO-} ]] || refuse "NGINX_SPREAD must be set, too" || return
	[[ -z ${NGINX_SPREAD-} || -n ${NGINX_SPREAD_TO-} ]] || refuse "NGINX_SPREAD_TO must be set, too" || return
	for name in "${required[@]}" "${optional[@]}" "${lists[@]}"; do
		value=${!name-}
		if [[ $value =~ [[:space:]\;\{\}\"\'\$\\#] ]]; then
			refuse "$name contains a character that nginx would misread: $value" || return
		fi
	done
}

refuse() {
	echo "nginx.sh: $1" >&2
	return 1
}

# fill prints a line with its variables replaced by their values.
fill() {
	local line=$1 name element
	for name in "${required[@]}" "${optional[@]}"; do
		line=${line//"\${$name}"/"${!name-}"}
	done
	for name in "${lists[@]}"; do
		[[ $line == *"\${$name}"* ]] || continue
		for element in ${!name//,/ }; do
			printf '%s\n' "${line//"\${$name}"/"$element"}"
		done
		return
	done
	printf '%s\n' "$line"
}

case ${1-} in
render) render ;;
*)
	echo "usage: nginx.sh render" >&2
	exit 2
	;;
esac
