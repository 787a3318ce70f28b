package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// readers follow the server's feed, discard what it sends, and come back when a stream breaks.
type readers struct {
	number int
	follow string // a name of followed
}

// followed is what each reader asks for: as an operator if it has a token.
var followed = map[string]struct {
	operator bool
	streams  []string // queries
}{
	"city":  {false, []string{"table=city&interval=100", "table=server"}}, // as a page of the interface does
	"all":   {true, []string{"table=users,owners,chairs,positions,rides,statuses,coupons,payments,matches,city"}},
	"chair": {true, []string{"table=positions"}}, // of one chair that drives, another for each reader
}

func (r *readers) check() error {
	if _, ok := followed[r.follow]; r.number < 0 || !ok {
		return fmt.Errorf("want a number of -readers, and -follow city, all or chair, not %d and %q", r.number, r.follow)
	}
	return nil
}

// start has them begin, and returns what ends them; that fails if one never got anything, since a
// measurement would say nothing then. The token's file is the server's.
func (r *readers) start(ctx context.Context, server, tokenFile string) (end func() error, err error) {
	if r.number == 0 {
		return func() error { return nil }, nil
	}
	s := streams{server: server}
	what := followed[r.follow]
	if what.operator {
		text, err := os.ReadFile(tokenFile)
		if err != nil {
			return nil, err
		}
		s.token = strings.TrimSpace(string(text))
	}
	ctx, cancel := context.WithCancel(ctx)
	if r.follow == "chair" {
		s.wait.Go(func() { s.filtered(ctx, r.number) })
	}
	for range r.number {
		for _, query := range what.streams {
			if r.follow != "chair" {
				s.open(ctx, query)
			}
		}
	}
	want := int64(r.number * len(what.streams))
	return func() error {
		cancel()
		s.wait.Wait()
		if n := s.served.Load(); n < want {
			return fmt.Errorf("%d of %d streams of the feed never began", want-n, want)
		}
		return nil
	}, nil
}

// streams are what the readers have open.
type streams struct {
	server, token string
	wait          sync.WaitGroup
	served        atomic.Int64 // streams that have got something
}

// open keeps one open until ctx ends.
func (s *streams) open(ctx context.Context, query string) {
	s.wait.Go(func() {
		for served := false; ctx.Err() == nil; {
			s.read(ctx, query, func(body io.Reader) {
				n, _ := io.Copy(io.Discard, body) // a stream ends with an error, or with the server
				if n > 0 && !served {
					served = true
					s.served.Add(1)
				}
			})
		}
	})
}

// read reads one to its end, and waits a little.
func (s *streams) read(ctx context.Context, query string, use func(io.Reader)) {
	request, err := http.NewRequestWithContext(ctx, "GET", s.server+"/api/feed?"+query, nil)
	if err != nil {
		panic("BUG: compare: " + err.Error())
	}
	if s.token != "" {
		request.Header.Set("Authorization", "Bearer "+s.token)
	}
	if answer, err := http.DefaultClient.Do(request); err == nil {
		if answer.StatusCode == http.StatusOK {
			use(answer.Body)
		}
		answer.Body.Close()
	}
	select {
	case <-ctx.Done():
	case <-time.After(250 * time.Millisecond):
	}
}

// filtered waits until so many chairs drive, and opens a stream for each.
func (s *streams) filtered(ctx context.Context, number int) {
	following := map[string]bool{}
	for ctx.Err() == nil && len(following) < number {
		s.read(ctx, "table=positions", func(body io.Reader) {
			for b := bufio.NewReader(body); len(following) < number; {
				line, err := b.ReadBytes('\n')
				if err != nil {
					return
				}
				for _, chair := range driving(line) {
					if len(following) < number && !following[chair] {
						following[chair] = true
						s.open(ctx, "table=positions&filter=chair_id="+url.QueryEscape(chair))
					}
				}
			}
		})
	}
}

// driving returns the chairs whose positions a line of the stream changes.
func driving(line []byte) (chairs []string) {
	data, ok := bytes.CutPrefix(line, []byte("data:"))
	var frame struct {
		Action string
		Data   []struct {
			Chair string `json:"chair_id"`
		}
	}
	if !ok || json.Unmarshal(data, &frame) != nil || frame.Action != "update" {
		return nil
	}
	for _, row := range frame.Data {
		chairs = append(chairs, row.Chair)
	}
	return chairs
}
