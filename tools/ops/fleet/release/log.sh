# Prints what the server has said last.
journalctl -u isuride-go.service -n 20 --no-pager -o cat
