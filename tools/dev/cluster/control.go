package main

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// serveControl takes orders for trouble, from this machine and with the token only.
func (c *cluster) serveControl(l net.Listener) (*http.Server, error) {
	token, err := os.ReadFile(filepath.Join(c.dir, "token"))
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", c.status)
	mux.HandleFunc("GET /members", c.list)
	for path, s := range map[string]syscall.Signal{"/kill": syscall.SIGKILL, "/stop": syscall.SIGSTOP, "/continue": syscall.SIGCONT, "/term": syscall.SIGTERM} {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			m, err := c.named(r.FormValue("member"))
			if err == nil {
				err = m.signal(s)
			}
			answer(w, err)
		})
	}
	for path, f := range map[string]func(member string, d time.Duration) error{"/freeze": c.freeze, "/part": c.part} {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			d, err := time.ParseDuration(r.FormValue("for"))
			if err == nil {
				err = f(r.FormValue("member"), d)
			}
			answer(w, err)
		})
	}
	mux.HandleFunc("POST /handover", c.handOver)
	mux.HandleFunc("POST /database-away", func(w http.ResponseWriter, r *http.Request) {
		d, err := time.ParseDuration(r.FormValue("for"))
		if err == nil {
			err = c.databaseAway(d)
		}
		answer(w, err)
	})
	s := &http.Server{Handler: guard(strings.TrimSpace(string(token)), mux), ReadHeaderTimeout: 5 * time.Second}
	go s.Serve(l)
	return s, nil
}

// guard lets nobody in without the token, so that no page in a browser on this machine can make
// trouble.
func guard(token string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Isuride-Supervisor", "cluster") // pages ask whether there is one
		given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
			http.Error(w, "the token in the cluster's folder is needed: Authorization: Bearer ...", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintln(w, "done")
}

// longest bounds how long a server stands still, or is cut off.
const longest = time.Minute

func lasts(d time.Duration) error {
	if d <= 0 || d > longest {
		return fmt.Errorf("for is %v; it can be up to %v", d, longest)
	}
	return nil
}

// freeze stops a member, and lets it go on after a while.
func (c *cluster) freeze(name string, d time.Duration) error {
	if err := lasts(d); err != nil {
		return err
	}
	m, err := c.named(name)
	if err == nil {
		err = m.signal(syscall.SIGSTOP)
	}
	if err == nil {
		time.AfterFunc(d, func() { _ = m.signal(syscall.SIGCONT) }) // it may have been killed
	}
	return err
}

// list tells programs of the members, and what can be done to them.
func (c *cluster) list(w http.ResponseWriter, _ *http.Request) {
	type one struct {
		Name  string `json:"name"`
		Leads bool   `json:"leads"`
		Apart bool   `json:"apart"` // cut off from the others
		Says  string `json:"says"`
	}
	var all struct {
		Members  []one `json:"members"`
		Database bool  `json:"database"` // they share one, which can go away
	}
	all.Database = c.mysql
	for _, m := range c.members {
		leads, says := m.leads()
		c.mu.Lock()
		apart := m.apart
		c.mu.Unlock()
		all.Members = append(all.Members, one{m.name, leads, apart, says})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(all) // who asked may have left
}

func (c *cluster) status(w http.ResponseWriter, _ *http.Request) {
	for _, m := range c.members {
		ok, says := m.leads()
		mark := " "
		if ok {
			mark = "*"
		}
		fmt.Fprintf(w, "%s %s %s: %s\n", mark, m.name, m.clients, says)
	}
}

// handOver has the leader hand over.
func (c *cluster) handOver(w http.ResponseWriter, r *http.Request) {
	m, err := c.named("leader")
	if err != nil {
		answer(w, err)
		return
	}
	client := http.Client{Timeout: 15 * time.Second}
	got, err := client.Post("http://"+m.inside+"/promote?to="+r.FormValue("to"), "", nil)
	if err == nil {
		got.Body.Close()
		if got.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s answers %s", m.name, got.Status)
		}
	}
	answer(w, err)
}
