package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// front is nginx before the servers. It sends everything to the one that leads; the others are
// there for the moment in which that one is lost, and hand requests on to the next.
type front struct {
	dir    string
	listen string

	mu  sync.Mutex
	cmd *exec.Cmd // guarded by mu
}

// frontConfig is nginx's configuration. A request that has been sent is not repeated unless it
// changes nothing: it may have been carried out.
const frontConfig = `worker_processes 1;
pid %[1]s/nginx.pid;
error_log %[1]s/nginx.log warn;
worker_shutdown_timeout 5s;
events { worker_connections 8192; }
http {
    access_log off;
    client_body_temp_path %[1]s/nginx-body;
    proxy_temp_path %[1]s/nginx-proxy;
    fastcgi_temp_path %[1]s/nginx-fastcgi;
    uwsgi_temp_path %[1]s/nginx-uwsgi;
    scgi_temp_path %[1]s/nginx-scgi;
    keepalive_requests 1000000;
    upstream servers {
%[3]s        keepalive 512;
        keepalive_requests 1000000;
    }
    server {
        listen %[2]s reuseport;
        location / {
            proxy_pass http://servers;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_buffering off;
            proxy_connect_timeout 300ms;
            proxy_read_timeout 1h;
            proxy_next_upstream error timeout;
        }
    }
}
`

// write renders the configuration.
func (f *front) write(members []*member, leader string) error {
	var servers strings.Builder
	for _, m := range members {
		backup := ""
		if leader != "" && m.name != leader {
			backup = " backup"
		}
		fmt.Fprintf(&servers, "        server %s max_fails=0%s;\n", m.clients, backup)
	}
	dir, err := filepath.Abs(f.dir)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "nginx.conf"), fmt.Appendf(nil, frontConfig, dir, f.listen, servers.String()), 0o600)
}

func (f *front) start(members []*member, leader string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.write(members, leader); err != nil {
		return err
	}
	dir, err := filepath.Abs(f.dir)
	if err != nil {
		return err
	}
	f.cmd = exec.Command("nginx", "-e", filepath.Join(dir, "nginx.log"), "-c", filepath.Join(dir, "nginx.conf"), "-g", "daemon off;")
	f.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	f.cmd.Stderr = os.Stderr
	if err := f.cmd.Start(); err != nil {
		return fmt.Errorf("nginx: %w; install it with apt-get install nginx-light", err)
	}
	return nil
}

// lead sends everything to another server from now on. Connections to the last one live on
// until it ends them.
func (f *front) lead(members []*member, leader string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.write(members, leader); err != nil || f.cmd == nil {
		return err
	}
	return f.cmd.Process.Signal(syscall.SIGHUP)
}

func (f *front) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cmd == nil {
		return
	}
	_ = f.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	ended := make(chan struct{})
	go func() { defer close(ended); _ = f.cmd.Wait() }()
	select {
	case <-ended:
	case <-time.After(stopLimit):
		_ = f.cmd.Process.Kill()
	}
}
