package feed

import (
	"slices"
	"strings"
)

// by is what a filter goes by.
type by uint8

const (
	byKey by = iota
	byUser
	byOwner
	byChair
	byKind
	byCity // the pseudonym
	byCount
)

// byOf finds what a column of ids is.
func byOf(t *table, name string) by {
	switch {
	case name == t.keys[0]:
		return byKey
	case name == "user_id":
		return byUser
	case name == "owner_id":
		return byOwner
	case name == "chair_id":
		return byChair
	case name == "city_id":
		return byCity
	}
	return byKind
}

func (c *change) value(b by) string {
	switch b {
	case byKey:
		return c.key
	case byUser:
		return c.user
	case byOwner:
		return c.owner
	case byChair:
		return c.chair
	case byCity:
		return c.row.id
	}
	return c.kind
}

// term is a condition that rows of a table have to meet.
type term struct {
	table  tableID
	by     by
	values []string
}

func (t *term) meets(c *change) bool { return slices.Contains(t.values, c.value(t.by)) }

// scope is which rows a subscription is about.
type scope struct {
	viewer Viewer
	tables uint16 // one bit each
	order  []tableID
	terms  []term
	filter string // that the terms were read from
}

func (s *scope) has(t tableID) bool { return s.tables&(1<<t) != 0 }

// holds reports whether a change is of a row that the subscription is about, and that its
// viewer may see.
func (s *scope) holds(c *change) bool {
	if !s.has(c.table) || !c.see.has(s.viewer.Class) || !s.owns(c) {
		return false
	}
	for i := range s.terms {
		if t := &s.terms[i]; t.table == c.table && !t.meets(c) {
			return false
		}
	}
	return true
}

// owns reports whether the row is one of those that the viewer's class lets it see.
func (s *scope) owns(c *change) bool {
	if c.table == city {
		return true
	}
	switch s.viewer.Class {
	case User:
		return c.user == s.viewer.ID
	case Owner:
		return c.owner == s.viewer.ID
	case Chair:
		return c.chair == s.viewer.ID
	}
	return s.viewer.Class == Operator
}

// action returns what a change is to this subscription: a row that gets what its filter asks
// for is new to it.
func (s *scope) action(c *change) Action {
	if !c.enters {
		return c.action
	}
	for i := range s.terms {
		if t := &s.terms[i]; t.table == c.table && t.by == byChair {
			return Insert
		}
	}
	return c.action
}

// lookup says where the index has a subscription of a table: under the value of one of the
// columns that all its rows share, or among those that get every row.
func (s *scope) lookup(t tableID) (b by, values []string, narrow bool) {
	if t != city {
		switch s.viewer.Class {
		case User:
			return byUser, []string{s.viewer.ID}, true
		case Owner:
			return byOwner, []string{s.viewer.ID}, true
		case Chair:
			return byChair, []string{s.viewer.ID}, true
		}
	}
	for i := range s.terms {
		if s.terms[i].table == t {
			return s.terms[i].by, s.terms[i].values, true
		}
	}
	return 0, nil, false
}

// filters lists the columns that a class may filter by: what it is not shown it cannot ask
// for either.
func (t *table) filters(c Class) (names []string) {
	for _, name := range t.ids {
		if i, ok := t.has(name); ok && t.columns[i].see.has(c) {
			names = append(names, name)
		}
	}
	return names
}

// maxValues bounds the values of a filter.
const maxValues = 100

// newScope reads a request's tables and filter.
func newScope(r *Request) (*scope, *Error) {
	s := &scope{viewer: r.Viewer, filter: r.Filter}
	for _, name := range strings.Split(r.Tables, ",") {
		if err := s.addTable(strings.TrimSpace(name)); err != nil {
			return nil, err
		}
	}
	if s.has(server) && (len(s.order) > 1 || r.Filter != "") {
		return nil, refuse(BadFilter, "table server has one row, which is no part of the log: ask for it alone, and without a filter")
	}
	if r.Filter == "" {
		return s, nil
	}
	for _, text := range strings.Split(r.Filter, ",") {
		if err := s.addTerm(text); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *scope) addTable(name string) *Error {
	id := slices.IndexFunc(tables[:], func(t table) bool { return t.name == name })
	if id < 0 {
		return refuse(UnknownTable, "there is no table %.60q; the tables are %s", name, tableNames(everyone))
	}
	t := tableID(id)
	if !tables[t].see.has(s.viewer.Class) {
		err := refuse(NoRight, "a viewer of class %s may not see table %s; it may see %s", s.viewer.Class, name, tableNames(1<<s.viewer.Class))
		err.Table = name
		return err
	}
	if !s.has(t) {
		s.tables |= 1 << t
		s.order = append(s.order, t)
	}
	return nil
}

func tableNames(see classSet) string {
	var names []string
	for i := range tables {
		if tables[i].see&see != 0 {
			names = append(names, tables[i].name)
		}
	}
	return strings.Join(names, ", ")
}

// addTerm reads table.column=value|value; the table may be left out if there is one only.
func (s *scope) addTerm(text string) *Error {
	name, values, ok := strings.Cut(text, "=")
	if !ok || values == "" {
		return refuse(BadFilter, "%.60q is no condition of a filter; write rides.user_id=ID, or several ids with | between them", text)
	}
	t, column, err := s.columnOf(strings.TrimSpace(name))
	if err != nil {
		return err
	}
	made := term{t, byOf(&tables[t], column), strings.Split(values, "|")}
	if slices.Contains(made.values, "") {
		return refuse(BadFilter, "%.60q has an empty value", text)
	}
	if len(made.values) > maxValues {
		return refuse(BadFilter, "a filter of %d values is too long; at most %d are taken", len(made.values), maxValues)
	}
	slices.Sort(made.values)
	made.values = slices.Compact(made.values) // the index has each once
	s.terms = append(s.terms, made)
	return nil
}

func (s *scope) columnOf(name string) (tableID, string, *Error) {
	prefix, column, dotted := strings.Cut(name, ".")
	if !dotted {
		if len(s.order) != 1 {
			return 0, "", refuse(BadFilter, "the filter's column %.60q could be of several tables; write the table before it, as %s.%.60s", name, tables[s.order[0]].name, name)
		}
		prefix, column = tables[s.order[0]].name, name
	}
	for _, t := range s.order {
		if tables[t].name != prefix {
			continue
		}
		if names := tables[t].filters(s.viewer.Class); !slices.Contains(names, column) {
			return 0, "", refuse(BadFilter, "table %s cannot be filtered by %.60q; it can be by %s", prefix, column, strings.Join(names, ", "))
		}
		return t, column, nil
	}
	return 0, "", refuse(BadFilter, "the filter is about table %.60q, which is not asked for", prefix)
}
