package h2

import (
	"golang.org/x/net/http2"
)

func connectionError(code http2.ErrCode) error { return http2.ConnectionError(code) }

// take acts on a frame. Its error ends the connection.
func (s *Session) take(f http2.Frame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead != nil {
		return s.dead
	}
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		return s.headersLocked(f)
	case *http2.DataFrame:
		return s.dataLocked(f)
	case *http2.WindowUpdateFrame:
		return s.windowLocked(f)
	case *http2.RSTStreamFrame:
		return s.rstLocked(f)
	case *http2.SettingsFrame:
		return s.settingsLocked(f)
	case *http2.PingFrame:
		if !f.IsAck() {
			s.framer.WritePing(true, f.Data)
		}
		return s.spendLocked(1)
	case *http2.PushPromiseFrame:
		return connectionError(http2.ErrCodeProtocol)
	}
	return s.spendLocked(1) // priorities, farewells, and what nobody knows
}

// malformed ends a stream whose frame was wrong in itself.
func (s *Session) malformed(e http2.StreamError) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead != nil {
		return s.dead
	}
	if st := s.streams[e.StreamID]; st != nil {
		s.resetLocked(st, e.Code, errReset)
		return s.spendLocked(resetCost)
	}
	if e.StreamID%2 == 0 {
		return connectionError(http2.ErrCodeProtocol)
	}
	s.last = max(s.last, e.StreamID)
	return s.refuseLocked(e.StreamID, e.Code)
}

// refuseLocked resets a stream that never became one, or is gone.
func (s *Session) refuseLocked(id uint32, code http2.ErrCode) error {
	s.framer.WriteRSTStream(id, code)
	s.forgiveLocked(id)
	return s.spendLocked(resetCost)
}

// forgiveLocked remembers a stream of which more may be on its way.
func (s *Session) forgiveLocked(id uint32) {
	s.late[s.lateAt] = id
	s.lateAt = (s.lateAt + 1) % forgiven
}

func (s *Session) isForgivenLocked(id uint32) bool {
	for _, late := range s.late {
		if late == id {
			return true
		}
	}
	return false
}

func (s *Session) headersLocked(f *http2.MetaHeadersFrame) error {
	id := f.StreamID
	st := s.streams[id]
	switch {
	case st != nil:
		return s.trailersLocked(st, f)
	case id%2 == 0:
		return connectionError(http2.ErrCodeProtocol)
	case id <= s.last && s.isForgivenLocked(id):
		return s.spendLocked(1)
	case id <= s.last:
		return connectionError(http2.ErrCodeStreamClosed)
	}
	if s.drains { // the farewell has told which are the last
		s.forgiveLocked(id)
		return s.spendLocked(resetCost)
	}
	s.last = id
	if len(s.streams) >= s.opt.MaxStreams || len(s.streams)+s.ghosts >= 2*s.opt.MaxStreams {
		return s.refuseLocked(id, http2.ErrCodeRefusedStream)
	}
	st = newStream(s, id)
	if st.req = s.server.Begin(st, f, len(s.streams)+s.ghosts == 0); st.req == nil {
		return s.refuseLocked(id, http2.ErrCodeRefusedStream)
	}
	s.streams[id] = st
	s.beginLocked(st, f.StreamEnded())
	return nil
}

// beginLocked starts a request, or its time.
func (s *Session) beginLocked(st *Stream, ended bool) {
	switch {
	case ended:
		s.completeLocked(st)
	case st.req.Refused():
		s.runLocked(st)
	default:
		st.due = s.server.Now() + s.opt.Read
		if st.req.Expects() {
			s.headLocked(st, &Head{Status: 100, Length: -1}, false)
		}
	}
}

// trailersLocked ends a body. What the fields say is checked by the framer, and dropped.
func (s *Session) trailersLocked(st *Stream, f *http2.MetaHeadersFrame) error {
	switch {
	case st.complete:
		s.resetLocked(st, http2.ErrCodeStreamClosed, errReset)
		return s.spendLocked(resetCost)
	case !f.StreamEnded() || len(f.PseudoFields()) > 0:
		s.resetLocked(st, http2.ErrCodeProtocol, errReset)
		return s.spendLocked(resetCost)
	}
	s.completeLocked(st)
	return nil
}

// completeLocked runs a request that has come as a whole.
func (s *Session) completeLocked(st *Stream) {
	st.complete = true
	switch {
	case st.running: // refused before
	case !st.req.Refused() && !st.req.Complete():
		s.resetLocked(st, http2.ErrCodeProtocol, errReset)
	default:
		s.runLocked(st)
	}
}

func (s *Session) runLocked(st *Stream) {
	s.uploads -= st.uploaded
	st.uploaded, st.due, st.running = 0, 0, true
	s.running++
	if st.complete {
		st.serving = true
		s.serving++
	}
	s.work.Go(st.serve)
}

func (s *Session) dataLocked(f *http2.DataFrame) error {
	n, p := int(f.Length), f.Data()
	if n > s.receive {
		return connectionError(http2.ErrCodeFlowControl)
	}
	s.receive -= n
	s.returnLocked(n)
	if len(p) < smallData && !f.StreamEnded() {
		if err := s.spendLocked(1); err != nil {
			return err
		}
	}
	st := s.streams[f.StreamID]
	switch {
	case st == nil && (f.StreamID > s.last || f.StreamID%2 == 0) && !s.isForgivenLocked(f.StreamID):
		return connectionError(http2.ErrCodeProtocol)
	case st == nil && s.isForgivenLocked(f.StreamID):
		return nil
	case st == nil:
		return s.refuseLocked(f.StreamID, http2.ErrCodeStreamClosed)
	case st.complete:
		s.resetLocked(st, http2.ErrCodeStreamClosed, errReset)
		return s.spendLocked(resetCost)
	case n > st.receive:
		s.resetLocked(st, http2.ErrCodeFlowControl, errReset)
		return s.spendLocked(resetCost)
	}
	s.bodyLocked(st, n, p, f.StreamEnded())
	return nil
}

// bodyLocked gives a part of the body to its request, unless that is refused already.
func (s *Session) bodyLocked(st *Stream, n int, p []byte, ended bool) {
	st.receive -= n
	if !st.running {
		st.uploaded += len(p)
		s.uploads += len(p)
		switch {
		case s.uploads > s.opt.MaxUploads:
			s.resetLocked(st, http2.ErrCodeEnhanceYourCalm, errReset)
			return
		case !st.req.Body(p):
			s.runLocked(st)
		}
	}
	switch {
	case ended:
		s.completeLocked(st)
	case !st.running:
		st.returnLocked(n)
	}
}

// returnLocked lets the peer send as much again.
func (s *Session) returnLocked(n int) {
	if s.unreturned += n; s.unreturned >= window/4 {
		s.framer.WriteWindowUpdate(0, uint32(s.unreturned))
		s.receive += s.unreturned
		s.unreturned = 0
	}
}

func (st *Stream) returnLocked(n int) {
	if st.unreturned += n; st.unreturned >= window/4 {
		st.session.framer.WriteWindowUpdate(st.id, uint32(st.unreturned))
		st.receive += st.unreturned
		st.unreturned = 0
	}
}

func (s *Session) windowLocked(f *http2.WindowUpdateFrame) error {
	if err := s.spendLocked(1); err != nil {
		return err
	}
	if f.StreamID == 0 {
		if s.window += int64(f.Increment); s.window > maxWindow {
			return connectionError(http2.ErrCodeFlowControl)
		}
		s.passOnLocked()
		return nil
	}
	st := s.streams[f.StreamID]
	switch {
	case st == nil && (f.StreamID > s.last || f.StreamID%2 == 0) && !s.isForgivenLocked(f.StreamID):
		return connectionError(http2.ErrCodeProtocol)
	case st == nil:
		return nil
	}
	if st.window += int64(f.Increment); st.window > maxWindow {
		s.resetLocked(st, http2.ErrCodeFlowControl, errReset)
		return s.spendLocked(resetCost)
	}
	st.opened.Signal()
	return nil
}

func (s *Session) rstLocked(f *http2.RSTStreamFrame) error {
	st := s.streams[f.StreamID]
	switch {
	case st == nil && (f.StreamID > s.last || f.StreamID%2 == 0) && !s.isForgivenLocked(f.StreamID):
		return connectionError(http2.ErrCodeProtocol)
	case st != nil:
		s.closeLocked(st, errReset)
	}
	return s.spendLocked(resetCost)
}

// settingsLocked takes the peer's settings. Of a setting that comes more than once, only
// the last counts, so that one frame costs one walk over the streams.
func (s *Session) settingsLocked(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return s.spendLocked(1)
	}
	initial := s.initial
	err := f.ForeachSetting(func(v http2.Setting) error {
		if err := v.Valid(); err != nil {
			return err
		}
		switch v.ID {
		case http2.SettingHeaderTableSize:
			s.encoder.SetMaxDynamicTableSize(v.Val) // which takes 4 KiB at most
		case http2.SettingInitialWindowSize:
			initial = int64(v.Val)
		}
		return nil
	})
	if err != nil {
		return err
	}
	more := initial - s.initial
	s.initial = initial
	for _, st := range s.streams {
		if st.window += more; st.window > maxWindow {
			return connectionError(http2.ErrCodeFlowControl)
		}
		if more > 0 {
			st.opened.Signal()
		}
	}
	s.framer.WriteSettingsAck()
	return s.spendLocked(settingsCost)
}
