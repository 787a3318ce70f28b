package stream

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

//go:embed schema.sql
var schema string

// Schema returns the statements that make QuestDB's tables.
func Schema() []string {
	var statements []string
	_, rest, _ := strings.Cut(schema, "\n\n") // behind the comment
	for s := range strings.SplitSeq(rest, "\n;\n") {
		if s != "" {
			statements = append(statements, s)
		}
	}
	return statements
}

// questDB is QuestDB's HTTP interface.
type questDB struct {
	url  string
	http *http.Client
}

// postLimit bounds one call. QuestDB answers within milliseconds, or is not well.
const postLimit = 10 * time.Second

func newQuestDB(address string) *questDB {
	return &questDB{url: strings.TrimRight(address, "/"), http: &http.Client{Timeout: postLimit}}
}

// badLine is an answer that says that a line is wrong, not the database.
type badLine struct{ text string }

func (e badLine) Error() string { return e.text }

// write sends lines. Nil says that the database has them, in its log at least.
func (q *questDB) write(ctx context.Context, lines []byte) error {
	req, err := http.NewRequestWithContext(ctx, "POST", q.url+"/write?precision=u", bytes.NewReader(lines))
	if err != nil {
		return err
	}
	status, text, err := q.do(req)
	switch {
	case err != nil:
		return err
	case status == http.StatusNoContent:
		return nil
	case status == http.StatusBadRequest:
		return badLine{messageOf(text)}
	}
	return fmt.Errorf("QuestDB answers with status %d: %s", status, messageOf(text))
}

// query runs a statement and returns its rows.
func (q *questDB) query(ctx context.Context, statement string) ([][]any, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", q.url+"/exec?query="+url.QueryEscape(statement), nil)
	if err != nil {
		return nil, err
	}
	status, text, err := q.do(req)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("QuestDB answers with status %d: %s", status, messageOf(text))
	}
	var answer struct{ Dataset [][]any }
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("QuestDB's answer cannot be read: %w", err)
	}
	return answer.Dataset, nil
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

func (q *questDB) do(req *http.Request) (int, []byte, error) {
	answer, err := q.http.Do(req)
	var call *url.Error
	if errors.As(err, &call) { // it has the statement in it
		return 0, nil, fmt.Errorf("QuestDB at %s: %w", q.url, call.Err)
	}
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	return answer.StatusCode, text, err
}

// messageOf finds the sentence in an answer.
func messageOf(text []byte) string {
	var said struct{ Message, Error string }
	if json.Unmarshal(text, &said) == nil {
		if said.Message != "" {
			return said.Message
		}
		if said.Error != "" {
			return said.Error
		}
	}
	return fmt.Sprintf("%.500s", bytes.TrimSpace(text))
}

// makeTables makes what is not there.
func (q *questDB) makeTables(ctx context.Context) error {
	for _, s := range Schema() {
		if _, err := q.query(ctx, s); err != nil {
			return fmt.Errorf("make QuestDB's tables: %w", err)
		}
	}
	return nil
}

// health is what QuestDB says of its tables. Rows are accepted into a table's log first, and
// can be asked for once they are applied.
type health struct {
	suspended []string // tables whose log is not applied until somebody says so
	waiting   int      // transactions that are not applied yet
}

func (q *questDB) look(ctx context.Context) (h health, err error) {
	rows, err := q.query(ctx, "SELECT name, suspended, writerTxn, sequencerTxn FROM wal_tables()")
	if err != nil {
		return h, err
	}
	for _, r := range rows {
		if len(r) != 4 {
			return h, errors.New("QuestDB's wal_tables() has other columns than this program knows")
		}
		name, _ := r[0].(string)
		suspended, _ := r[1].(bool)
		written, _ := r[2].(float64)
		accepted, _ := r[3].(float64)
		if suspended {
			h.suspended = append(h.suspended, name)
		}
		h.waiting += max(0, int(accepted-written))
	}
	return h, nil
}
