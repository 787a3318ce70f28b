package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// database is a MariaDB of its own, run by the repository's script as `make up` does.
type database struct {
	folder string
	pid    int
}

// databaseSettings lead the server to it.
var databaseSettings = []string{"ISUCON_DB_HOST=127.0.0.1", "ISUCON_DB_PORT=" + databasePort, "ISUCON_DB_USER=isucon", "ISUCON_DB_PASSWORD=isucon", "ISUCON_DB_NAME=isuride"}

// startDatabase starts an empty one in a folder, in place of what an earlier run may have
// left there. It does not end with this process, but with end.
func startDatabase(ctx context.Context, folder string) (*database, error) {
	d := &database{folder: folder}
	if err := d.end(); err != nil {
		return nil, err
	}
	defer progress("starting MariaDB")()
	if err := execute(ctx, "scripts/mariadb.sh", "start", folder, databasePort); err != nil {
		d.end()
		return nil, err
	}
	pid, err := os.ReadFile(filepath.Join(folder, "mariadb.pid"))
	if err == nil {
		d.pid, err = strconv.Atoi(strings.TrimSpace(string(pid)))
	}
	if err != nil {
		d.end()
		return nil, fmt.Errorf("MariaDB: %w", err)
	}
	return d, nil
}

// end stops it and removes its data, also after an interrupt.
func (d *database) end() error {
	if err := execute(context.Background(), "scripts/mariadb.sh", "stop", d.folder); err != nil {
		return err
	}
	return os.RemoveAll(d.folder)
}
