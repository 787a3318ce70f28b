// Package sql embeds the schema, the master data and the initial data in the binary, so
// that the server can fill an empty database without any other file. This folder's README
// describes the files; package sqlstore reads them.
package sql

import "embed"

// Names of the embedded files.
const (
	SchemaMySQL  = "1-schema.sql"
	SchemaSQLite = "1-schema.sqlite.sql"
	MasterData   = "2-master-data.sql"
	InitialData  = "3-initial-data.sql.gz"
)

// Files holds the files named above.
//
//go:embed 1-schema.sql 1-schema.sqlite.sql 2-master-data.sql 3-initial-data.sql.gz
var Files embed.FS
