package journal

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
)

// History is the identity of a log: random, the same in the log and in the tables it is
// recovered with, over all generations. Numbers of records mean something within one
// history only.
type History [16]byte

// String returns 32 hexadecimal digits.
func (h History) String() string { return hex.EncodeToString(h[:]) }

// ParseHistory reads what String returns.
func ParseHistory(text string) (History, error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(History{}) {
		return History{}, fmt.Errorf("%q is no history: want 32 hexadecimal digits", text)
	}
	return History(b), nil
}

// Info says what a folder holds.
type Info struct {
	Segments bool    // there are segments that were used, whole or damaged
	Known    bool    // they say which history they belong to; version 1 does not
	History  History // zero unless known
	Records  bool    // some hold records, or may, being damaged
	Last     uint64  // number of the last record before the log ends or damage begins, released ones included
}

// Inspect looks at a folder without changing or locking anything in it. A folder that is
// not there holds nothing. ErrHistory means that the folder holds segments of several
// histories, ErrVersion that a later version wrote some.
func Inspect(path string) (info Info, err error) {
	r := recovery{dir: onMachine(path), access: readOnly}
	defer r.unmap()
	err = r.open()
	if errors.Is(err, fs.ErrNotExist) {
		return Info{}, nil
	}
	if err != nil {
		return Info{}, err
	}
	return r.describe()
}

func (r *recovery) describe() (info Info, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := r.fault(recover()); fault != nil {
			err = fault
		}
	}()
	stop, err := r.verify()
	if err != nil {
		return Info{}, err
	}
	if err := r.openKept(); err != nil {
		return Info{}, err
	}
	info.Last = stop.last
	for _, s := range r.segments {
		info.Segments = info.Segments || !s.unused()
		info.Records = info.Records || s.holds()
	}
	if r.history != nil {
		info.Known, info.History = true, *r.history
	}
	return info, nil
}

// unused reports whether the segment is a spare one, or was caught by a kill before its
// header was whole.
func (s *segment) unused() bool {
	return len(s.data) == 0 || len(s.data) >= headerSize && *wordAt(s.data, magicAt) == 0 && used(s.data[headerSize:]) == 0
}

// holds reports whether there is anything but a sound header.
func (s *segment) holds() bool {
	h, err := parseHeader(s.data)
	if err != nil {
		return !s.unused()
	}
	return used(s.data[h.size():]) > 0
}
