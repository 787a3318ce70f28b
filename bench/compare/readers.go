package main

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// feedTables are what a page of the interface follows: how the city is, and how the server is.
var feedTables = [...]string{"city", "server"}

// readFeed has readers follow the server's feed, as many pages do, and returns what ends them. One
// whose stream breaks comes back.
func readFeed(ctx context.Context, server string, readers int) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	for range readers {
		for _, table := range feedTables {
			wait.Go(func() {
				for ctx.Err() == nil {
					followFeed(ctx, server+"/api/feed?table="+table)
				}
			})
		}
	}
	return func() {
		cancel()
		wait.Wait()
	}
}

// followFeed reads one stream to its end, and waits a little.
func followFeed(ctx context.Context, url string) {
	request, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		panic("BUG: compare: " + err.Error())
	}
	if answer, err := http.DefaultClient.Do(request); err == nil {
		_, _ = io.Copy(io.Discard, answer.Body) // a stream ends with an error, or with the server
		answer.Body.Close()
	}
	select {
	case <-ctx.Done():
	case <-time.After(250 * time.Millisecond):
	}
}
