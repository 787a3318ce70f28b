# shellcheck shell=bash
# Reboots in a moment, when this session has ended in good order.
setsid bash -c 'sleep 1; systemctl reboot' </dev/null >/dev/null 2>&1 &
