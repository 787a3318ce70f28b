package sqlstore

import (
	"bytes"
	"errors"
	"fmt"

	sqlfiles "isuride/sql"
	"isuride/webapp/isuride"
)

// InitialTables returns the data set that comes with the binary.
func InitialTables() (*isuride.Tables, error) {
	t, err := readEmbedded(sqlfiles.InitialData)
	if err != nil {
		return nil, err
	}
	return withMasterData(t)
}

// MasterData holds the settings and chair models that come with the binary.
func MasterData() (*isuride.Tables, error) { return readEmbedded(sqlfiles.MasterData) }

func withMasterData(t *isuride.Tables) (*isuride.Tables, error) {
	master, err := MasterData()
	if err != nil {
		return nil, err
	}
	if len(t.Settings) == 0 {
		t.Settings = master.Settings
	}
	if len(t.ChairModels) == 0 {
		t.ChairModels = master.ChairModels
	}
	return t, nil
}

func readEmbedded(name string) (t *isuride.Tables, err error) {
	f, err := sqlfiles.Files.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err := dumpText(f)
	if err == nil {
		t, err = ParseDump(bytes.NewReader(text))
	}
	if err != nil {
		return nil, fmt.Errorf("embedded %s: %w", name, err)
	}
	return t, nil
}

// gzipMagic starts every gzip file.
const gzipMagic = "\x1f\x8b"
