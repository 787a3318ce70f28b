// Package flush is the write-behind: it reads the event log in order and brings the SQL
// tables after it, in cuts. A cut is the log's next stretch, its row images merged per
// row, written in one transaction together with the position it reaches; so the tables
// are at any time exactly the log up to some event. What is written is released from the
// log, and writers are held back when the tables trail by too much.
//
// It leaves to others: SQL and the order of tables inside a cut (sqlstore), the bytes of
// the log (journal), what an event does to memory (state), and what to do when the
// database refuses a cut for good (engine).
package flush
