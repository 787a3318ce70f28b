package servertest

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// NothingOf checks that no account of the old generation (an owner, a chair and a user) is
// known, and that its stream has ended.
func (p *Process) NothingOf(old []*Client, stream *Stream) {
	p.TB.Helper()
	for i, path := range []string{"/api/owner/chairs", "/api/chair/notification", "/api/app/rides"} {
		if r := old[i].Call("GET", path, nil); r.Status != 401 {
			p.TB.Errorf("GET %s with a session of the old generation answers %d", path, r.Status)
		}
	}
	visitor, _ := p.User(fmt.Sprint("visitor", rand.Uint64()), "")
	near := visitor.Want(200, "GET", "/api/app/nearby-chairs?latitude=0&longitude=0&distance=1000", nil)["chairs"].([]any)
	if len(near) != 0 {
		p.TB.Errorf("chairs of the old generation are listed: %v", near)
	}
	if stream == nil {
		return
	}
	select {
	case line, ok := <-stream.Lines:
		if ok {
			p.TB.Errorf("the old stream goes on with %s", line)
		}
	case <-time.After(TellLimit):
		p.TB.Error("the old stream does not end")
	}
}
