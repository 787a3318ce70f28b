# shellcheck shell=bash disable=SC2034
# The folders and addresses of the contest's stack on this machine, for up.sh and down.sh.
# The ports differ from those of `make run`, so that both can run at once.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$root/scripts/lib.sh"

run=$(realpath -m "${UP_DIR:-$root/.run/up}")     # all data, sockets, logs and pids
bin=$(realpath -m "${UP_BIN:-$root/bin}")         # built programs
static=$(realpath -m "${UP_STATIC:-$run/static}") # built front end; without it, the server's own page
https=${UP_HTTPS:-127.0.0.1:18443}                # nginx; 0.0.0.0:18443 admits other machines
http=${UP_HTTP:-127.0.0.1:18080}                  # the server without nginx
payment=${UP_PAYMENT:-127.0.0.1:12345}            # the payment gateway's stand-in
database_port=${UP_DATABASE_PORT:-13306}          # MariaDB, on 127.0.0.1
state=$run                                        # for lib.sh
