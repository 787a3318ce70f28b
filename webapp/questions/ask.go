package questions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// limit is how long QuestDB may take. Questions look through hours, not months.
	limit = 5 * time.Second
	// maxRows is more than any chart shows.
	maxRows = 2000
	// maxAnswer bounds an answer in bytes: its rows are short.
	maxAnswer = 1 << 20
	// points is how many times a line has at most, or a few more.
	points = 60
)

// MaxMinutes is how far back a question may look: a week.
const MaxMinutes = 7 * 24 * 60

var (
	// ErrUnknown says that there is no such question.
	ErrUnknown = errors.New("there is no such question")
	// ErrNoDatabase says that this server has been told of no QuestDB.
	ErrNoDatabase = errors.New("this server knows of no QuestDB: set ISURIDE_QUESTDB to its address, as http://127.0.0.1:19000, and start the server again")
	// ErrBusy says that QuestDB is being asked as much as it may be.
	ErrBusy = errors.New("other questions are being asked: ask again in a few seconds")
)

// Answer is what QuestDB has said. Its columns are those of the question, after the axes.
type Answer struct {
	Name    string            `json:"name"`
	From    int64             `json:"from"` // milliseconds
	Until   int64             `json:"until"`
	Step    int64             `json:"step"` // milliseconds between the times of a line
	Columns []string          `json:"columns"`
	Rows    []json.RawMessage `json:"rows"` // arrays, in the order of columns; times as 2026-11-29T09:51:00.000000Z
	More    bool              `json:"more"` // there were more rows than are shown
}

// Asker asks. It may be used from any goroutine.
type Asker struct {
	all   []Question
	url   string
	http  *http.Client
	now   func() time.Time
	turns chan struct{} // holds a token for each question that is being asked
}

// New makes an Asker of the QuestDB at this address, http://host:port; "" if there is none, which
// every question is then answered with.
func New(address string, now func() time.Time) *Asker {
	all, err := All()
	if err != nil {
		panic("BUG: " + err.Error())
	}
	// Its own transport: no proxy stands before a database on this network.
	client := &http.Client{Timeout: limit + time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute}}
	return &Asker{all: all, url: strings.TrimRight(address, "/"), http: client, now: now, turns: make(chan struct{}, 2)}
}

// All returns the questions in order. The slice is not to be changed.
func (a *Asker) All() []Question { return a.all }

// Ask asks about the last so many minutes, from 1 to MaxMinutes.
func (a *Asker) Ask(ctx context.Context, name string, minutes int) (*Answer, error) {
	q := a.find(name)
	switch {
	case q == nil:
		return nil, ErrUnknown
	case a.url == "":
		return nil, ErrNoDatabase
	}
	select { // QuestDB has the city to take in: charts of many readers wait for each other
	case a.turns <- struct{}{}:
		defer func() { <-a.turns }()
	case <-time.After(limit):
		return nil, ErrBusy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	span, until := time.Duration(minutes)*time.Minute, a.now().UTC()
	step := stepOf(span)
	if q.Chart == Lines { // an interval that is not over would look like a fall
		until = until.Truncate(step.Duration)
	}
	answer := &Answer{Name: name, From: until.Add(-span).UnixMilli(), Until: until.UnixMilli(), Step: step.Milliseconds()}
	return answer, a.run(ctx, q.text(until.Add(-span), until, step), answer)
}

func (a *Asker) find(name string) *Question {
	for i := range a.all {
		if a.all[i].Name == name {
			return &a.all[i]
		}
	}
	return nil
}

func (a *Asker) run(ctx context.Context, sql string, answer *Answer) error {
	address := a.url + "/exec?" + url.Values{"query": {sql}, "limit": {strconv.Itoa(maxRows + 1)}}.Encode()
	req, err := http.NewRequestWithContext(ctx, "GET", address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Statement-Timeout", strconv.FormatInt(limit.Milliseconds(), 10))
	reply, err := a.http.Do(req)
	if err != nil {
		return a.unreachable(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(io.LimitReader(reply.Body, maxAnswer+1))
	if err != nil {
		return a.unreachable(err)
	}
	if reply.StatusCode != http.StatusOK {
		return refused(reply.StatusCode, text)
	}
	var said struct {
		Columns []struct{ Name string }
		Dataset []json.RawMessage
	}
	if err := json.Unmarshal(text, &said); err != nil || len(text) > maxAnswer {
		return fmt.Errorf("what answers at %s is no QuestDB, or its answer is longer than %d bytes", a.url, maxAnswer)
	}
	for _, c := range said.Columns {
		answer.Columns = append(answer.Columns, c.Name)
	}
	answer.More = len(said.Dataset) > maxRows
	answer.Rows = said.Dataset[:min(len(said.Dataset), maxRows)]
	return nil
}

// text puts the times into the statement: nothing else of it changes.
func (q *Question) text(from, until time.Time, s step) string {
	const micros = "2006-01-02T15:04:05.000000Z"
	return strings.NewReplacer("$from", from.Format(micros), "$until", until.Format(micros), "$bucket", s.name).Replace(q.sql)
}

// step is how far apart a line's times are, with QuestDB's name of it.
type step struct {
	time.Duration
	name string
}

var steps = [...]step{{time.Second, "1s"}, {5 * time.Second, "5s"}, {15 * time.Second, "15s"}, {time.Minute, "1m"}, {5 * time.Minute, "5m"},
	{15 * time.Minute, "15m"}, {time.Hour, "1h"}, {3 * time.Hour, "3h"}}

func stepOf(span time.Duration) step {
	for _, s := range steps {
		if span <= points*s.Duration {
			return s
		}
	}
	return steps[len(steps)-1]
}

func (a *Asker) unreachable(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("QuestDB at %s has not answered within %v: ask about a shorter time", a.url, limit)
	}
	return fmt.Errorf("QuestDB at %s does not answer: start it (make stream-up), or correct ISURIDE_QUESTDB", a.url)
}

// refused makes a sentence of an answer that is no success.
func refused(status int, text []byte) error {
	var said struct{ Error string }
	if json.Unmarshal(text, &said) != nil || said.Error == "" {
		return fmt.Errorf("QuestDB answers with status %d, as no QuestDB does: look what listens at ISURIDE_QUESTDB", status)
	}
	switch {
	case strings.Contains(said.Error, "does not exist"):
		return fmt.Errorf("QuestDB has no rows of the city yet (%.200s): start the stream and the sink (make stream-up)", said.Error)
	case strings.Contains(said.Error, "timeout"):
		return fmt.Errorf("QuestDB needs more than %v for this: ask about a shorter time", limit)
	}
	return fmt.Errorf("QuestDB refuses the question: %.200s", said.Error)
}
