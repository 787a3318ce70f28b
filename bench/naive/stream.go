package main

import (
	"io"
	"net/http"
)

// A stream is what a user or a chair is notified of.
type stream struct {
	queue []string
	last  string        // sent
	more  chan struct{} // the queue has grown
}

func newStream() stream { return stream{more: make(chan struct{}, 1)} }

func (t *stream) push(data string) {
	t.queue = append(t.queue, data)
	select {
	case t.more <- struct{}{}:
	default:
	}
}

func (s *server) notify(w http.ResponseWriter, r *http.Request, t *stream) {
	if s.polling {
		s.poll(w, t)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	f := w.(http.Flusher)
	f.Flush()
	for first := true; ; first = false {
		s.mu.Lock()
		list := t.queue
		t.queue = nil
		if len(list) > 0 {
			t.last = list[len(list)-1]
		} else if first && t.last != "" {
			list = []string{t.last}
		}
		s.mu.Unlock()
		for _, data := range list {
			io.WriteString(w, "data: "+data+"\n\n")
		}
		if len(list) > 0 {
			f.Flush()
		}
		select {
		case <-t.more:
		case <-r.Context().Done():
			return
		}
	}
}

func (s *server) poll(w http.ResponseWriter, t *stream) {
	s.mu.Lock()
	if len(t.queue) > 0 {
		t.last, t.queue = t.queue[0], t.queue[1:]
	}
	data := t.last
	s.mu.Unlock()
	if data == "" {
		data = "null"
	}
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"data":`+data+`,"retry_after_ms":30}`)
}
