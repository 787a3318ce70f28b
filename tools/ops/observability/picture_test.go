package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// answers is a Prometheus that gives every query the same answer.
func answers(t *testing.T, status int, body string) (p prometheus, asked *[]string) {
	asked = new([]string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.URL.Path+"?"+r.URL.RawQuery)
		w.WriteHeader(status)
		w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return prometheus(s.URL), asked
}

// TestPicture draws the real dashboard with two series, one of which has a gap.
func TestPicture(t *testing.T) {
	db, asked := answers(t, 200, `{"data":{"result":[
		{"metric":{"state":"waiting","endpoint":"GET /<x>"},"values":[[1000,"1"],[1001,"2"],[1005,"NaN"],[1006,"2"],[1007,"2500"]]},
		{"metric":{"state":"b"},"values":[[1000,"+Inf"]]}]}}`)
	file := filepath.Join(t.TempDir(), "out.svg")
	if err := run(t.Context(), []string{"-url", string(db), "-last", "10s", "-to", "1010", "-scrape", "1s", "-note", "a <note>", file}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	picture := string(b)
	for d := xml.NewDecoder(strings.NewReader(picture)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v\n%s", err, picture)
		}
	}
	for _, want := range []string{"ISURIDE", "a &lt;note&gt;", ">Flow<", ">Open rides by state<", ">waiting<", ">GET /&lt;x&gt;<", ">2.5k/s<", ">max 2.5k<", ">0:10<"} {
		if !strings.Contains(picture, want) {
			t.Errorf("the picture lacks %q", want)
		}
	}
	if strings.Contains(picture, ">b<") {
		t.Error("a series without any value is in the picture")
	}
	if want := "/api/v1/query_range?end=1010&query=sum%28rate%28isuride_rides_completed_total%5B4s%5D%29%29&start=1000&step=1"; (*asked)[0] != want {
		t.Errorf("asked %s, want %s", (*asked)[0], want)
	}
}

func TestSpan(t *testing.T) {
	begin := time.Unix(0, 0)
	for long, want := range map[time.Duration]string{time.Minute: "5s 20s 13", 20 * time.Minute: "5s 20s 241", time.Hour: "15s 20s 241"} {
		s := span{begin, begin.Add(long), 5 * time.Second}
		if got := fmt.Sprint(s.step(), s.expand(" $__rate_interval "), len(s.times())); got != want {
			t.Errorf("%v are drawn in steps, with rates over and at so many times: %s, want %s", long, got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, args := range map[string][]string{
		"no file to write": {},
		"two files":        {"a.svg", "b.svg"},
		"a wrong name":     {"a.png"},
		"no time":          {"-last", "0s", "a.svg"},
		"no scrapes":       {"-scrape", "0s", "a.svg"},
	} {
		if err := run(context.Background(), args); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestPrometheusRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"a wrong expression": {400, `{"status":"error","error":"parse error"}`, "parse error"},
		"another program":    {404, "not found", "404"},
		"half an answer":     {200, `{"data":{"result":[{"metr`, "unexpected EOF"},
		"a wrong point":      {200, `{"data":{"result":[{"values":[[1,"x"]]}]}}`, "invalid syntax"},
	} {
		db, _ := answers(t, c.status, c.body)
		if _, err := db.query(t.Context(), "up", time.Unix(0, 0), time.Unix(1, 0), time.Second); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want %q in it", name, err, c.want)
		}
	}
}
