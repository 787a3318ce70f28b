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
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"isuride/tools/dev/freeport"
	"isuride/webapp/stream/servers"
)

// questDB starts a real one, with the sink's tables.
func questDB(t *testing.T) string {
	t.Helper()
	if _, err := servers.Java(); errors.Is(err, servers.ErrNoJava) {
		t.Skipf("Java is not installed: %v", err)
	}
	jars := filepath.Join("..", "..", ".run", "tools", "stream")
	if err := servers.Fetch(t.Context(), jars); err != nil {
		t.Fatal(err)
	}
	q := servers.QuestDB{Jars: jars, Dir: t.TempDir(), Port: freeport.Ports(t, 2)}
	cmd, err := q.Command()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	ended := start(t, cmd)
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if _, err := query(q.URL(), "SELECT 1"); err == nil {
			break
		}
		select {
		case <-ended:
		default:
			if time.Now().Before(end) {
				continue
			}
		}
		said, _ := os.ReadFile(log.Name())
		t.Fatalf("QuestDB has not started:\n%s", said)
	}
	schema, err := os.ReadFile(filepath.Join("..", "stream", "schema.sql"))
	if err != nil {
		t.Fatal(err)
	}
	for statement := range strings.SplitSeq(string(schema), "\n;\n") {
		if strings.TrimSpace(statement) != "" {
			must(t, q.URL(), statement)
		}
	}
	return q.URL()
}

func start(t *testing.T, cmd *exec.Cmd) (ended <-chan struct{}) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
	})
	return done
}

// patient waits as long as a busy machine may take, and no longer.
var patient = http.Client{Timeout: time.Minute}

func query(address, statement string) (string, error) {
	reply, err := patient.Get(address + "/exec?query=" + url.QueryEscape(statement))
	if err != nil {
		return "", err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err == nil && reply.StatusCode != 200 {
		err = fmt.Errorf("%s: %s", statement, text)
	}
	return string(text), err
}

func must(t *testing.T, address, statement string) string {
	t.Helper()
	text, err := query(address, statement)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// city is one of which all answers can be counted by hand: times are seconds after ten o'clock.
//
//	ride  asked  enroute  pickup  carrying  arrived  completed  chair  fare
//	r1    0      2        10      12        32       40         c1     1000
//	r2    3      7        23      27        67       75         c2     1500, with the second attempt
//	r3    60     66       -       -         -        -          c1
//	r4    90     -        -       -         -        -          -
//
// There are r0, which was over long ago and came with a snapshot, and in another town, rx.
var city = []string{
	`chairs action,id,name,model,is_active
	-3600 'insert','c1','one','alpha',false
	-3600 'insert','c2','two','beta',false
	-3600 'insert','c3','three','beta',false
	1 'update','c1','one','alpha',true
	1 'partial','c2','two','beta',true`,
	`positions action,chair_id,latitude,longitude
	0 'update','c1',0,0
	0 'update','c2',0,0
	40 'update','c1',5,5
	80 'update','c2',5,5
	100 'update','c1',5,9
	50 'partial','c3',5,9`,
	`rides action,id,user_id,chair_id,pickup_latitude,pickup_longitude,destination_latitude,destination_longitude,fare,evaluation
	0 'insert','r1','u1',null,5,5,5,25,1000,null
	2 'update','r1','u1','c1',5,5,5,25,1000,null
	3 'insert','r2','u2',null,-5,45,30,45,1500,null
	7 'update','r2','u2','c2',-5,45,30,45,1500,null
	40 'update','r1','u1','c1',5,5,5,25,1000,5
	50 'partial','r0','u1','c1',5,5,6,6,700,4
	60 'insert','r3','u3',null,6,19,6,20,600,null
	66 'update','r3','u3','c1',6,19,6,20,600,null
	75 'update','r2','u2','c2',-5,45,30,45,1500,4
	90 'insert','r4','u4',null,20,5,20,50,900,null`,
	`statuses action,ride_id,user_id,status
	0 'insert','r1','u1','MATCHING'
	2 'update','r1','u1','ENROUTE'
	3 'insert','r2','u2','MATCHING'
	7 'update','r2','u2','ENROUTE'
	10 'update','r1','u1','PICKUP'
	12 'update','r1','u1','CARRYING'
	23 'update','r2','u2','PICKUP'
	27 'update','r2','u2','CARRYING'
	32 'update','r1','u1','ARRIVED'
	40 'update','r1','u1','COMPLETED'
	50 'partial','r0','u1','COMPLETED'
	60 'insert','r3','u3','MATCHING'
	66 'update','r3','u3','ENROUTE'
	67 'update','r2','u2','ARRIVED'
	75 'update','r2','u2','COMPLETED'
	90 'insert','r4','u4','MATCHING'
	910 'insert','r5','u5','MATCHING'`,
	`payments action,ride_id,user_id,amount,state
	33 'insert','r1','u1',1000,'charging'
	34 'update','r1','u1',1000,'paid'
	50 'partial','r0','u1',700,'paid'
	68 'insert','r2','u2',1500,'charging'
	70 'delete','r2',null,null,null
	71 'insert','r2','u2',1500,'charging'
	73 'update','r2','u2',1500,'paid'`,
	`matches action,ride_id,chair_id,matched_at,class,trip,age,pickup,carry
	1 'insert','r1','c1',` + at(1) + `,'ordinary',9000,0,3000,100
	7 'insert','r2','c2',` + at(7) + `,'overdue',9000,4000,5000,0
	64 'insert','r3','c1',` + at(64) + `,'elsewhere',9000,0,8000,0
	95 'insert','r9',null,` + at(95) + `,null,null,null,null,null`,
}

var tenOClock = time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)

func at(second int) string {
	return "'" + tenOClock.Add(time.Duration(second)*time.Second).Format("2006-01-02T15:04:05.000000Z") + "'"
}

func fillCity(t *testing.T, address string) {
	t.Helper()
	seq := 0
	for _, table := range city {
		head, rows, _ := strings.Cut(table, "\n")
		name, columns, _ := strings.Cut(head, " ")
		n := 0
		for line := range strings.Lines(rows) {
			when, values, _ := strings.Cut(strings.TrimSpace(line), " ")
			var second int
			if _, err := fmt.Sscan(when, &second); err != nil {
				t.Fatal(err)
			}
			seq, n = seq+1, n+1
			must(t, address, fmt.Sprintf("INSERT INTO %s (ts,region,epoch,seq,row,%s) VALUES (%s,'test',1,%d,0,%s)", name, columns, at(second), seq, values))
		}
		for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) { // what was accepted is seen later
			if strings.Contains(must(t, address, "SELECT count() FROM "+name), fmt.Sprintf("[[%d]]", n)) {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s does not show its %d rows", name, n)
			}
		}
	}
}

// want has the answer to each question about the quarter of an hour from ten o'clock, as rows without brackets.
// Times are buckets of 15 s; percentiles are of one ride each.
var want = map[string]string{
	"demand-minute":    `10:00:00 2 0|10:00:15 0 0|10:00:30 0 1|10:01:00 1 0|10:01:15 0 1|10:01:30 1 0`,
	"wait-percentiles": `10:00:00 10 10 10|10:00:15 20 20 20`,
	"funnel":           `MATCHING 4|ENROUTE 3|PICKUP 2|CARRYING 2|ARRIVED 2|COMPLETED 2`,
	"stages":           `MATCHING 4|ENROUTE 12|PICKUP 3|CARRYING 30`, // (2+4+6)/3, (8+16)/2, (2+4)/2, (20+40)/2
	"demand-heat":      `0 0 2|0 20 1|40 -20 1`,
	"wait-heat":        `0 0 10|40 -20 20`,
	"fleet":            `10:00:00 2|10:00:30 1|10:01:15 1|10:01:30 1`,
	"utilisation":      `beta 75|alpha 64`, // (67-7)/80; (32-2 + 100-66)/100
	"match-class":      `10:00:00 1 1 0|10:01:00 0 0 1|10:01:30 0 0 0`,
	"match-cost":       `1 3|4 6.5`, // the last two rides had waited 4 s each: (5000+8000)/2
	"payments":         `1 1 0|2 1 1`,
	"revenue":          `10:00:30 1000|10:01:00 1500`,
	"ratings":          `4 1|5 1`,
	"distances":        `0-24 2|25-49 2`, // 1 and 20; 35 and 45
}

// TestAnswers asks a real QuestDB each question.
func TestAnswers(t *testing.T) {
	address := questDB(t)
	clock := func() time.Time { return tenOClock.Add(15 * time.Minute) }
	a := New(address, clock)
	t.Run("a city without rows", func(t *testing.T) {
		for _, q := range a.All() {
			if answer, err := a.Ask(t.Context(), q.Name, 15); err != nil {
				t.Errorf("%s: %v", q.Name, err)
			} else if len(answer.Columns) != axes[q.Chart]+len(q.Columns) {
				t.Errorf("%s has the columns %v", q.Name, answer.Columns)
			}
		}
	})
	fillCity(t, address)
	for _, q := range a.All() {
		t.Run(q.Name, func(t *testing.T) {
			answer, err := a.Ask(t.Context(), q.Name, 15)
			if err != nil {
				t.Fatal(err)
			}
			if got := flat(t, answer); got != want[q.Name] {
				t.Errorf("got\n%s\nwant\n%s", got, want[q.Name])
			}
			for i, c := range q.Columns {
				if answer.Columns[axes[q.Chart]+i] != c.Name {
					t.Errorf("the head says %s, the statement %s", c.Name, answer.Columns[axes[q.Chart]+i])
				}
			}
		})
	}
	t.Run("a question that is too long", func(t *testing.T) {
		err := a.run(t.Context(), "SELECT count() FROM long_sequence(4000000000) a WHERE rnd_double() > 2", &Answer{})
		if err == nil || !strings.Contains(err.Error(), "ask about a shorter time") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("more rows than are shown", func(t *testing.T) {
		answer := &Answer{}
		err := a.run(t.Context(), "SELECT x FROM long_sequence(5000)", answer)
		if err != nil || len(answer.Rows) != maxRows || !answer.More {
			t.Errorf("%d rows, more %t, %v", len(answer.Rows), answer.More, err)
		}
	})
	t.Run("a table that is not there", func(t *testing.T) {
		err := a.run(t.Context(), "SELECT * FROM nothing", &Answer{})
		if err == nil || !strings.Contains(err.Error(), "make stream-up") {
			t.Errorf("got %v", err)
		}
	})
}

// flat writes rows with | between, times without their date, and numbers as short as can be.
func flat(t *testing.T, answer *Answer) string {
	t.Helper()
	var rows []string
	for _, raw := range answer.Rows {
		var row []any
		if err := json.Unmarshal(raw, &row); err != nil {
			t.Fatal(err)
		}
		var fields []string
		for _, v := range row {
			text := fmt.Sprint(v)
			if when, err := time.Parse(time.RFC3339, text); err == nil {
				text = when.Format("15:04:05")
			}
			if f, ok := v.(float64); ok {
				text = fmt.Sprint(float64(int64(f*1000+0.5*sign(f))) / 1000)
			}
			fields = append(fields, text)
		}
		rows = append(rows, strings.Join(fields, " "))
	}
	return strings.Join(rows, "|")
}

func sign(f float64) float64 {
	if f < 0 {
		return -1
	}
	return 1
}

// TestWithoutDatabase is what is said where there is none, or something else.
func TestWithoutDatabase(t *testing.T) {
	for _, c := range []struct {
		name    string
		answer  http.HandlerFunc
		address string
		want    string
	}{
		{"no address", nil, "", "set ISURIDE_QUESTDB"},
		{"nothing there", nil, "http://127.0.0.1:1", "does not answer: start it"},
		{"another server", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, "", "is no QuestDB"},
		{"another server's error", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, "", "as no QuestDB does"},
		{"an error that is nobody's fault", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(400)
			fmt.Fprint(w, `{"error":"unexpected token"}`)
		}, "", "refuses the question: unexpected token"},
		{"an endless answer", func(w http.ResponseWriter, _ *http.Request) {
			for range maxAnswer / 1000 * 2 {
				if _, err := w.Write(make([]byte, 1000)); err != nil {
					return
				}
			}
		}, "", "longer than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := c.address
			if c.answer != nil {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				s := &http.Server{Handler: c.answer, ReadHeaderTimeout: time.Minute}
				go func() { _ = s.Serve(l) }()
				t.Cleanup(func() { s.Close() })
				address = "http://" + l.Addr().String()
			}
			_, err := New(address, time.Now).Ask(context.Background(), "funnel", 15)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want something with %q", err, c.want)
			}
		})
	}
	if _, err := New("", time.Now).Ask(t.Context(), "drop-table", 15); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
}
