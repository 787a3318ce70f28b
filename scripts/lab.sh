#!/usr/bin/env bash
# The laboratory, for make: installs what it needs, builds it, and calls it with the
# arguments. As root.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/lib.sh

# `make clean` ends a laboratory wherever there may be one; most have none.
[[ ${1-} != down || -d .run/lab ]] || exit 0

# Of these, the hosts use what the machine has.
[[ ${1-} == down ]] || need_packages openssh-server:sshd openssh-client:ssh sudo:sudo iproute2:ip curl:curl \
	systemd-container:systemd-nspawn dbus:dbus-daemon mariadb-server:mariadbd nginx:nginx libnginx-mod-stream:/usr/lib/nginx/modules/ngx_stream_module.so
CGO_ENABLED=0 go build -o bin/ ./tools/ops/lab
exec bin/lab "$@"
