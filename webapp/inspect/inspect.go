// Package inspect shows what a journal or a snapshot holds, as text or JSON lines, to
// somebody who has to find out what happened. It reads only: it takes no lock, needs no
// database, may run beside the server, and goes on behind damage.
//
// It leaves the files to journal and snapshot, and the meaning of events to isuride; how to
// use it in an incident is in docs/durability.md.
package inspect

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/snapshot"
)

// Options say what to show.
type Options struct {
	// Path is a journal's folder, that of one of its generations, a segment, a snapshot, or
	// a data folder with a journal in it.
	Path string
	// From and To bound what is shown, both included; nil is no bound.
	From, To *isuride.Moment
	// At most one of these is set: what is shown then concerns it.
	Ride, User, Chair string

	JSON bool // lines of JSON instead of text
	// Secrets shows the tokens of sessions, registrations and payments. They are hidden
	// otherwise.
	Secrets bool
}

// DamageError says that a journal was shown which is not whole.
type DamageError struct {
	Places int
	First  journal.Sight
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("the journal is damaged at %d places, first in %s at offset %d: %s", e.Places, e.First.Segment, e.First.Offset, e.First.Remark)
}

// Run shows what the options ask for. A *DamageError comes after all that could be shown.
func Run(out io.Writer, o Options) error {
	source, err := find(o.Path)
	if err != nil {
		return err
	}
	p := &printer{options: o, out: bufio.NewWriterSize(out, 64<<10), filter: newFilter(o)}
	for _, text := range source.remarks {
		p.remark(journal.Sight{Remark: text})
	}
	if err := source.show(p, source.path); err != nil {
		return errors.Join(err, p.out.Flush())
	}
	return cmp.Or(p.out.Flush(), p.damageError())
}

// source is something that can be shown.
type source struct {
	path    string
	show    func(p *printer, path string) error
	remarks []string // on how it was chosen
}

// kinds are those of single files that can be shown.
var kinds = []struct {
	recognise func(path string) bool
	show      func(p *printer, path string) error
}{
	{isSnapshot, (*printer).snapshot},
	{journal.Recognise, (*printer).log},
}

func find(path string) (source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return source{}, err
	}
	if info.IsDir() {
		return findFolder(path)
	}
	for _, kind := range kinds {
		if kind.recognise(path) {
			return source{path: path, show: kind.show}, nil
		}
	}
	return source{}, fmt.Errorf("%s is neither a segment of a journal nor a snapshot", path)
}

func findFolder(path string) (source, error) {
	if segments, err := filepath.Glob(filepath.Join(path, "*.segment")); err != nil || len(segments) > 0 {
		return findGeneration(path)
	}
	generations, err := journal.Generations(path)
	if err != nil {
		return source{}, err
	}
	if n := len(generations); n > 0 {
		s, err := findGeneration(journal.GenerationPath(path, generations[n-1]))
		if err != nil {
			return source{}, err
		}
		for _, other := range generations[:n-1] {
			s.remarks = append(s.remarks, fmt.Sprintf("generation %d is shown; for generation %d name %s", generations[n-1], other, journal.GenerationPath(path, other)))
		}
		return s, nil
	}
	if inner := filepath.Join(path, "journal"); inner != path {
		if info, err := os.Stat(inner); err == nil && info.IsDir() {
			return findFolder(inner)
		}
	}
	return source{}, fmt.Errorf("%s holds no journal; name the folder in ISURIDE_JOURNAL, one of its generations, or a segment", path)
}

// findGeneration chooses the log of a folder, and names the snapshots beside it.
func findGeneration(path string) (source, error) {
	s := source{path: path, show: (*printer).log}
	snapshots, err := snapshot.List(path)
	for _, snapshot := range snapshots {
		s.remarks = append(s.remarks, "the log is shown; for the snapshot beside it name "+snapshot)
	}
	return s, err
}

// printer shows a log.
type printer struct {
	options Options
	out     *bufio.Writer
	filter  filter
	decoder isuride.Decoder
	line    []byte

	began bool // From is reached
	read  int  // events
	shown int
	first journal.Sight // damage
	count int           // places of damage
}

// errEnough ends a walk that has passed To.
var errEnough = errors.New("enough")

// log shows a folder of segments or a segment. Filters by user and chair take a first look
// for the rides concerned, since most events of a ride name only the ride.
func (p *printer) log(path string) error {
	if p.filter.learns() {
		err := journal.Look(path, func(s journal.Sight) error {
			if s.Remark == "" && !journal.IsMark(s.Payload) {
				if e, err := p.decoder.Decode(s.Payload); err == nil {
					p.filter.learn(e)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	p.began = p.options.From == nil
	err := journal.Look(path, p.sight)
	if err != nil && err != errEnough {
		return err
	}
	return p.remark(journal.Sight{Remark: fmt.Sprintf("%d of %d events are shown", p.shown, p.read)})
}

func (p *printer) sight(s journal.Sight) error {
	if s.Remark != "" {
		p.note(s)
		return p.remark(s)
	}
	if m, ok := journal.ParseMark(s.Payload); ok {
		return p.mark(s, m)
	}
	p.read++
	e, err := p.decoder.Decode(s.Payload)
	if err != nil {
		s.Remark = err.Error()
		return p.remark(s)
	}
	switch o := &p.options; {
	case o.To != nil && o.To.Passed(s.Seq, e):
		return errEnough
	case !p.began && !o.From.Reached(s.Seq, e):
		return nil
	}
	p.began = true
	if !p.filter.match(e) {
		return nil
	}
	p.shown++
	return p.event(s.Seq, e)
}

// mark shows the end of an entry where all events are shown.
func (p *printer) mark(s journal.Sight, m journal.Mark) error {
	if to := p.options.To; to != nil && to.Time == 0 && s.Seq > to.Position {
		return errEnough
	}
	if !p.began || !p.filter.all() {
		return nil
	}
	s.Remark = fmt.Sprintf("records %d to %d are entry %d of term %d; the one before has the hash %s", m.First, s.Seq, m.Index, m.Term, m.Before)
	return p.remark(s)
}

// note keeps the first damage for the error.
func (p *printer) note(s journal.Sight) {
	if !s.Damaged {
		return
	}
	if p.count == 0 {
		p.first = s
	}
	p.count++
}

func (p *printer) damageError() error {
	if p.count == 0 {
		return nil
	}
	return &DamageError{p.count, p.first}
}

func (p *printer) write() error {
	_, err := p.out.Write(p.line)
	p.line = p.line[:0]
	return err
}
