// Package questions holds what operators ask of the city's past, each question a file of SQL in
// sql/, and asks QuestDB. The tables are those that webapp/stream fills; the order of a question's
// columns is what its chart is drawn from.
//
// There is no other way to ask: no text from outside becomes SQL. It leaves to others who may
// ask (api), and how the answers look (ui).
package questions

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Text is the same in each language of the interface.
type Text struct {
	EN string `json:"en"`
	JA string `json:"ja"`
}

// Column is one that is drawn, with its name for people.
type Column struct {
	Name  string `json:"name"`
	Label Text   `json:"label"`
}

// Chart is the shape of an answer.
type Chart string

const (
	Lines Chart = "lines" // a column of times or numbers, in order, and a line for each column behind it
	Bars  Chart = "bars"  // a column of names, and a bar for each column behind it
	Heat  Chart = "heat"  // two columns of coordinates, x and y, and one of values
)

// axes is how many columns come before those that are drawn.
var axes = map[Chart]int{Lines: 1, Bars: 1, Heat: 2}

// units are what values are counted in. The interface has a word for each.
var units = []string{"rides", "chairs", "payments", "s", "%", "ticks", "yen"}

// Question is one of the files.
type Question struct {
	Name    string   `json:"name"` // of the file, without .sql
	Title   Text     `json:"title"`
	About   Text     `json:"about"` // a sentence
	Chart   Chart    `json:"chart"`
	Unit    string   `json:"unit"`
	Columns []Column `json:"columns"` // that are drawn

	sql string
}

//go:embed sql/*.sql
var files embed.FS

// order is that of the page: what is asked for most comes first. A file that is not in it fails the tests.
var order = []string{"demand-minute", "wait-percentiles", "funnel", "stages", "demand-heat", "wait-heat", "fleet", "utilisation",
	"match-class", "match-cost", "payments", "revenue", "ratings", "distances"}

// All reads the questions, in the order in which they are shown.
func All() ([]Question, error) {
	var all []Question
	for _, name := range order {
		text, err := fs.ReadFile(files, "sql/"+name+".sql")
		if err != nil {
			return nil, err
		}
		q, err := parse(name, string(text))
		if err != nil {
			return nil, fmt.Errorf("%s.sql: %w", name, err)
		}
		all = append(all, q)
	}
	return all, nil
}

// parse reads the head of a file: comments of the form "-- key: text", where languages and columns have two
// texts with a bar between.
func parse(name, text string) (Question, error) {
	head, sql, _ := strings.Cut(text, "\n\n")
	q := Question{Name: name, sql: strings.TrimSpace(sql)}
	for line := range strings.Lines(head) {
		key, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "-- "), ": ")
		if !ok {
			return q, fmt.Errorf("the line %q has no key", strings.TrimSpace(line))
		}
		first, second, _ := strings.Cut(value, " | ")
		switch key {
		case "en":
			q.Title.EN, q.About.EN = first, second
		case "ja":
			q.Title.JA, q.About.JA = first, second
		case "chart":
			q.Chart = Chart(value)
		case "unit":
			q.Unit = value
		default:
			column, ok := strings.CutPrefix(key, "column ")
			if !ok {
				return q, fmt.Errorf("the key %q is unknown", key)
			}
			q.Columns = append(q.Columns, Column{column, Text{first, second}})
		}
	}
	return q, q.check()
}

func (q *Question) check() error {
	switch {
	case q.sql == "" || strings.Contains(q.sql, ";"):
		return fmt.Errorf("one statement without a semicolon has to follow the head")
	case q.Title.EN == "" || q.About.EN == "" || q.Title.JA == "" || q.About.JA == "":
		return fmt.Errorf("a title and a sentence are missing in a language")
	case axes[q.Chart] == 0:
		return fmt.Errorf("the chart %q is unknown", q.Chart)
	case !slices.Contains(units, q.Unit):
		return fmt.Errorf("the unit %q is unknown", q.Unit)
	case len(q.Columns) == 0 || q.Chart == Heat && len(q.Columns) > 1:
		return fmt.Errorf("%d columns are drawn", len(q.Columns))
	}
	for _, c := range q.Columns {
		if c.Label.EN == "" || c.Label.JA == "" {
			return fmt.Errorf("column %s has no name in a language", c.Name)
		}
	}
	return nil
}
