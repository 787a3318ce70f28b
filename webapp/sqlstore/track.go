package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/jmoiron/sqlx"

	"isuride/webapp/isuride"
)

// Track is the sum of one chair's position reports (S2.4).
type Track struct {
	Last  isuride.Coordinate
	Total int64        // sum of the distances between consecutive reports
	At    isuride.Time // time of the last report
}

// section is the sum of one chair's reports in a part of the table.
type section struct {
	Track
	first   isuride.Coordinate
	firstAt isuride.Time
	// unordered: the reports are not in the order of time.
	unordered bool
}

// add appends the section of later rows.
func (s *section) add(later section) {
	if s.firstAt == 0 {
		*s = later
		return
	}
	s.unordered = s.unordered || later.unordered || later.firstAt < s.At
	s.Total += int64(s.Last.Distance(later.first)) + later.Total
	s.Last, s.At = later.Last, later.At
}

// report returns the section of one row.
func report(at isuride.Coordinate, when isuride.Time) section {
	return section{Track: Track{Last: at, At: when}, first: at, firstAt: when}
}

// sections are those of one part of the table, by chair id.
type sections map[string]*section

func (s sections) add(chair []byte, later section) {
	own := s[string(chair)]
	if own == nil {
		own = new(section)
		s[string(chair)] = own
	}
	own.add(later)
}

const (
	locationTable = "chair_locations"
	distanceTable = "chair_distances"
)

// partRows is the number of rows of chair_locations that are read in one go: enough that
// finding where the next part begins costs little beside it.
const partRows = 250_000

// loadTracks sums up the position reports. Ids grow with time, so that the order of the
// primary key is the order of the reports; chairs for which that does not hold are
// summed up again in the order of time. Parts of the table are read at the same time.
func (s *Store) loadTracks(ctx context.Context, partRows int) (sections, error) {
	parts, err := s.loadParts(ctx, partRows)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", locationTable, err)
	}
	whole := sections{}
	for _, part := range parts {
		for chair, section := range part {
			whole.add([]byte(chair), *section)
		}
	}
	if err := s.reorder(ctx, whole); err != nil {
		return nil, fmt.Errorf("table %s: in order of time: %w", locationTable, err)
	}
	return whole, nil
}

// deletedReports returns the section of the reports that are deleted. Only its end meets
// other reports.
func deletedReports(d *isuride.ChairDistance) section {
	s := report(d.Coordinate, d.ReportedAt)
	s.Total = d.Total
	return s
}

// sumUp makes the tracks of what is deleted and of what is there.
func (snapshot *Snapshot) sumUp(there sections) {
	snapshot.deleted = make(map[string]section, len(snapshot.ChairDistances))
	snapshot.Tracks = make(map[string]Track, len(there))
	for i := range snapshot.ChairDistances {
		d := &snapshot.ChairDistances[i]
		snapshot.deleted[d.ChairID] = deletedReports(d)
		snapshot.Tracks[d.ChairID] = snapshot.deleted[d.ChairID].Track
	}
	for chair, own := range there {
		whole := snapshot.deleted[chair]
		whole.add(*own)
		snapshot.Tracks[chair] = whole.Track
	}
	snapshot.ChairDistances = nil
}

// loadParts reads the table in parts, which it returns in the order of ids.
func (s *Store) loadParts(ctx context.Context, partRows int) ([]sections, error) {
	starts, err := s.partStarts(ctx, partRows)
	if err != nil {
		return nil, err
	}
	parts := make([]sections, len(starts))
	errs := make([]error, len(starts))
	var wait sync.WaitGroup
	for i, start := range starts {
		where, args := " WHERE id >= ?", []any{start}
		if i+1 < len(starts) {
			where, args = where+" AND id < ?", append(args, starts[i+1])
		}
		wait.Go(func() { parts[i], errs[i] = s.loadSections(ctx, where+" ORDER BY id", args...) })
	}
	wait.Wait()
	return parts, errors.Join(errs...)
}

// partStarts returns the ids at which the parts begin.
func (s *Store) partStarts(ctx context.Context, partRows int) ([]string, error) {
	var starts []string
	for from, skip := "", 0; ; skip = partRows {
		err := s.db.GetContext(ctx, &from, "SELECT id FROM "+locationTable+s.suffix+" WHERE id >= ? ORDER BY id LIMIT 1 OFFSET ?", from, skip)
		if errors.Is(err, sql.ErrNoRows) {
			return starts, nil
		}
		if err != nil {
			return nil, err
		}
		starts = append(starts, from)
	}
}

// reorder computes the unordered sections again in the order of time.
func (s *Store) reorder(ctx context.Context, whole sections) error {
	var chairs []string
	for chair, section := range whole {
		if section.unordered {
			chairs = append(chairs, chair)
		}
	}
	// A statement has a limit of placeholders, 32,766 with SQLite.
	for ids := range slices.Chunk(chairs, 10_000) {
		where, args, err := sqlx.In(" WHERE chair_id IN (?) ORDER BY chair_id, created_at, id", ids)
		if err != nil {
			return err
		}
		ordered, err := s.loadSections(ctx, where, args...)
		if err != nil {
			return err
		}
		maps.Copy(whole, ordered)
	}
	return nil
}

// loadSections sums up the selected rows in their order.
func (s *Store) loadSections(ctx context.Context, where string, args ...any) (sections, error) {
	all := sections{}
	var at isuride.Coordinate
	var when isuride.Time
	columns := parseColumns("latitude longitude created_at")
	fields := []any{&at.Latitude, &at.Longitude, &when}
	err := s.scan(ctx, s.db, func(values []sql.RawBytes) error {
		for i, field := range fields {
			if err := parseColumn(field, values[i+1], &columns[i]); err != nil {
				return fmt.Errorf("chair %s: %w", values[0], err)
			}
		}
		all.add(values[0], report(at, when))
		return nil
	}, "SELECT chair_id, latitude, longitude, created_at FROM "+locationTable+s.suffix+where, args...)
	return all, err
}

// loadReports reads all reports of one chair.
func (s *Store) loadReports(ctx context.Context, chair string) (reports []isuride.ChairLocation, err error) {
	var rows isuride.Tables
	if err := s.loadRows(ctx, tableOf(locationTable), &rows, " WHERE chair_id = ?", chair); err != nil {
		return nil, err
	}
	return rows.ChairLocations, nil
}
