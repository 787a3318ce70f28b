#!/usr/bin/env bash
# Runs the laboratory for make: installs what it needs, builds it, and passes on the
# arguments. Must be run as root.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/lib.sh

# `make clean` calls `down` in every checkout; most have no laboratory.
[[ ${1-} != down || -d .run/lab ]] || exit 0

# The laboratory's hosts use the machine's own copies of these programs.
[[ ${1-} == down ]] || need_packages openssh-server:sshd openssh-client:ssh sudo:sudo iproute2:ip curl:curl \
	systemd-container:systemd-nspawn dbus:dbus-daemon mariadb-server:mariadbd nginx:nginx libnginx-mod-stream:/usr/lib/nginx/modules/ngx_stream_module.so
[[ ${1-} == down ]] || go run ./tools/dev/webbuild # what the releases carry
CGO_ENABLED=0 go build -o bin/ ./tools/ops/lab
exec bin/lab "$@"
