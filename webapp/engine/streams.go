package engine

import "isuride/webapp/internal/lockwatch"

// streams are the open notification streams of a generation, which end with it.
type streams struct {
	mu    lockwatch.Mutex
	ended bool                     // guarded by mu
	open  map[*openStream]struct{} // guarded by mu
}

type openStream struct{ close func() }

// Join adds a stream; close is called when the generation ends, and must not block.
// ok is false if it has ended already. leave takes the stream out again.
func (g *Generation) Join(close func()) (leave func(), ok bool) {
	s := &g.streams
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil, false
	}
	if s.open == nil {
		s.open = map[*openStream]struct{}{}
	}
	stream := &openStream{close}
	s.open[stream] = struct{}{}
	return func() { s.leave(stream) }, true
}

func (s *streams) leave(stream *openStream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, stream)
}

func (s *streams) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for stream := range s.open {
		stream.close()
	}
}
