package topology

import (
	"strings"
	"testing"
)

// FuzzRead looks for files that are taken in spite of something that scripts and ssh rely on.
func FuzzRead(f *testing.F) {
	f.Add("s1 a@203.0.113.7 10.0.0.1 front,app\ns2 b:2222 10.0.0.2 front # two\n\ns3 c@[2001:db8::9]:22 10.0.0.3 db\n")
	f.Add("only a@fd00::1 ::1 front,app,db")
	f.Add("s1 a@a 10.0.0.1 app,front\ns2 a@a 10.0.0.2 app\ns3 a@a 10.0.0.3 witness,db")
	f.Add("only a 127.0.0.1 tls,app,db")
	f.Add("x -oProxyCommand=y 127.0.0.1 app,db,front")
	f.Fuzz(func(t *testing.T, file string) {
		top, err := Read(strings.NewReader(file))
		if err != nil {
			if top != nil || strings.ContainsRune(err.Error(), '\n') {
				t.Errorf("got %v and the error %q", top, err)
			}
			return
		}
		if len(top.With(App)) == 0 || len(top.Servers())%2 == 0 || len(top.With(DB)) != 1 {
			t.Errorf("%d app of %d servers, %d db", len(top.With(App)), len(top.Servers()), len(top.With(DB)))
		}
		if tls := len(top.With(TLS)); len(top.Entrances()) == 0 || tls > 0 && len(top.Entrances()) > 1 || tls > 0 && !top.Entrance().Has(App) {
			t.Errorf("clients come in at %v", top.Entrances())
		}
		names := make(map[string]bool)
		for _, h := range top.Hosts {
			if names[h.Name] || h.Name == "" || strings.ContainsAny(h.Name, "/ '\"$") || strings.HasPrefix(h.Name, ".") {
				t.Errorf("name %q", h.Name)
			}
			names[h.Name] = true
			if h.Login == "" || strings.HasPrefix(h.Login, "-") {
				t.Errorf("login %q", h.Login)
			}
			if len(h.Roles) == 0 || !h.Address.IsValid() {
				t.Errorf("got %+v", h)
			}
		}
	})
}
