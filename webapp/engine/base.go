package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"isuride/webapp/isuride"
	"isuride/webapp/sqlstore"
	"isuride/webapp/state"
)

// base is what a generation of a member begins with. The log goes on over an initialize, so
// that a generation is known by the event that began it.
type base struct {
	Position   uint64 `json:"position"` // of that event; 0 for the first generation
	Generation uint64 `json:"generation"`
	// Data is the checksum of the data set, "" if the generation began with a snapshot: that
	// of a server that was alone before.
	Data string `json:"data"`
	// What no event changes.
	Settings []isuride.Setting    `json:"settings"`
	Models   []isuride.ChairModel `json:"models"`
}

// basesName is the file in a member's folder that has its bases, one a line.
const basesName = "generations.jsonl"

// bases are the generations that a member's log and snapshots can be of, in their order.
type bases struct {
	path string

	mu   sync.Mutex
	list []base // guarded by mu
}

// openBases reads the file; one that is not there has none.
func openBases(dir string) (*bases, error) {
	b := &bases{path: filepath.Join(dir, basesName)}
	text, err := os.ReadFile(b.path)
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(text) {
		var one base
		if err := json.Unmarshal(line, &one); err != nil {
			return nil, fmt.Errorf("%s: %w; take the file from another member", b.path, err)
		}
		b.list = append(b.list, one)
	}
	return b, nil
}

// of returns the base of a generation.
func (b *bases) of(generation uint64) (base, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, one := range b.list {
		if one.Generation == generation {
			return one, true
		}
	}
	return base{}, false
}

// empty reports whether no generation has begun.
func (b *bases) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.list) == 0
}

// first returns the oldest one.
func (b *bases) first() base {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.list[0]
}

// newest returns the latest one.
func (b *bases) newest() base {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.list[len(b.list)-1]
}

// keep adds a base, unless it is there, before anything is built on it.
func (b *bases) keep(add base) error {
	if _, there := b.of(add.Generation); there {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.list = append(b.list, add)
	err := b.writeLocked()
	if err != nil { // it may be tried again, and must be written then
		b.list = b.list[:len(b.list)-1]
	}
	return err
}

// writeLocked replaces the file, with what is in it on the disk before its name is.
func (b *bases) writeLocked() error {
	var text bytes.Buffer
	for _, one := range b.list {
		line, err := json.Marshal(one)
		if err != nil {
			return err
		}
		text.Write(append(line, '\n'))
	}
	return replaceFile(b.path, text.Bytes())
}

// replaceFile writes a file whole or not at all.
func replaceFile(path string, content []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// dataSet is the initial data with its checksum. A member has it for itself, and all have the
// same: what a generation begins with is in no event.
type dataSet struct {
	rows *isuride.Tables
	sum  string
}

func (e *Engine) dataSet() (dataSet, error) {
	rows, err := e.cfg.InitialData()
	if err != nil {
		return dataSet{}, fmt.Errorf("initial data: %w", err)
	}
	text, err := json.Marshal(rows)
	if err != nil {
		return dataSet{}, err
	}
	sum := sha256.Sum256(text)
	return dataSet{rows, hex.EncodeToString(sum[:8])}, nil
}

// baseOf returns what a generation begins with by its event.
func baseOf(position uint64, b *isuride.Beginning, data dataSet) base {
	if b.PaymentServer != "" {
		setSetting(data.rows, isuride.PaymentGatewayURL, b.PaymentServer)
	}
	return base{Position: position, Generation: b.Generation, Data: data.sum, Settings: data.rows.Settings, Models: data.rows.ChairModels}
}

// storeOf makes the state that a base begins with.
func (e *Engine) storeOf(b base, opt state.Options) (*state.Store, error) {
	data, err := e.dataSet()
	if err != nil {
		return nil, err
	}
	if data.sum != b.Data {
		return nil, fmt.Errorf("the initial data of this server (checksum %s) is not that of its group (%s): start all members with the same ISURIDE_INITIAL_DATA, and the same release", data.sum, b.Data)
	}
	data.rows.Settings, data.rows.ChairModels = b.Settings, b.Models
	return state.New(opt, data.rows, tracks(&sqlstore.Snapshot{Tracks: sqlstore.Sum(data.rows)})), nil
}
