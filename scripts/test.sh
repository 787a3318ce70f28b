#!/usr/bin/env bash
# Installs what the tests need and runs all of them under the race detector. Extra
# arguments go to `go test`.
#
# Packages are installed when this runs as root; otherwise it says what is missing, and
# the tests that need it say why they skip.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/lib.sh

# gcc is for the race detector, ip for networks of tests, systemd for a look at units, the
# rest of the last line for the laboratory's hosts.
need_packages mariadb-server:mariadbd nginx:nginx libnginx-mod-stream:/usr/lib/nginx/modules/ngx_stream_module.so \
	prometheus:promtool gcc:gcc libc6-dev:/usr/include/stdlib.h iproute2:ip systemd:systemd-analyze \
	openssh-server:sshd openssh-client:ssh sudo:sudo curl:curl systemd-container:systemd-nspawn dbus:dbus-daemon || true

race=()
if command -v gcc >/dev/null; then
	export CGO_ENABLED=1
	race=(-race)
else
	echo "test: without gcc the race detector is left out" >&2
fi
exec go test "${race[@]}" -timeout 15m ./... "$@"
