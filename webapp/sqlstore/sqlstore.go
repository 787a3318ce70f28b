// Package sqlstore is the only SQL of ISURIDE: it creates the tables, fills them with a
// data set, loads all of them at start and writes the cuts of the write-behind, into
// MySQL (also MariaDB and Galera) and SQLite by one code path. It also reads the dumps
// that data sets come as.
//
// It leaves to others what the rows mean (package isuride), which rows a cut holds and
// when it is written or retried (package flush), and what to do with a database that is
// not ready (package engine).
//
// The tables are always at exactly one position of the event log: the position is written
// in the transaction of the rows it belongs to. A cut that was committed is durable,
// since the journal then drops its segments: SQLite syncs every commit, MySQL is expected
// to run with innodb_flush_log_at_trx_commit=1, and Open warns when it does not.
package sqlstore
