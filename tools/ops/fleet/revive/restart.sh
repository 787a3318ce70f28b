# shellcheck shell=bash
# Restarts all services in good order.
for unit in $(units); do
	systemctl restart "$unit"
done
