package doctor

import "cmp"

// database checks what the server relies on.
func database(e *examination) {
	const (
		connections = 20       // the server holds a handful
		packet      = 64 << 20 // bytes; a cut is a few statements with thousands of rows each
	)
	version := e.facts["database.version"]
	e.demand("database", version != "", Bad, cmp.Or(version, "does not answer its administrator"), "sudo mariadb, or sudo mysql, has to get in on the host")
	if version == "" {
		return
	}
	e.least("max_connections", "database.max_connections", connections, Warning, again)
	e.least("max_allowed_packet", "database.max_allowed_packet", packet, Warning, again)
	commit := e.facts["database.innodb_flush_log_at_trx_commit"]
	e.demand("commits", commit == "1", Bad, "innodb_flush_log_at_trx_commit="+commit,
		"set it to 1: the server drops from its journal what the database has committed, so a commit must survive a power loss")
	e.demand("binary log", e.facts["database.log_bin"] == "0", Warning, "log_bin="+e.facts["database.log_bin"], "skip-log-bin: without a replica it writes everything twice")
}
