# Restarts $unit.
systemctl reset-failed "$unit" >/dev/null 2>&1 || true
systemctl restart "$unit" >/dev/null 2>&1 ||
	die "it does not start: $(journalctl -u "$unit" -n 1 --no-pager -o cat 2>/dev/null)"
rm -f "$webapp/.pending/restart.$unit" "$webapp/.pending/reload.$unit"
