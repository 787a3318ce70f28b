package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// front is nginx before the servers. It sends everything to the one that leads, at a socket whose
// name moves with the leadership: so nginx, which would have to be reloaded otherwise and then
// ends its clients' connections, need not know. The others are there for the moment in which
// the leader is lost, and hand requests on to the next.
type front struct {
	dir     string // absolute
	listen  string
	control string // where the cluster takes orders

	mu  sync.Mutex
	cmd *exec.Cmd // guarded by mu
}

// frontConfig is nginx's configuration. A request that was sent to a server that then was lost
// may have been carried out. Most can be repeated all the same: they say what is to be, and a
// rating is charged under the ride's key. Those that would make another account or ride, or
// that are right only once, are not. The control of the cluster is below /supervisor/, so that pages
// of the interface, which ask no other host, can make trouble.
const frontConfig = `%[5]s
worker_processes 1;
pid %[1]s/nginx.pid;
error_log %[1]s/nginx.log warn;
worker_shutdown_timeout 5s;
events { worker_connections 16384; }
http {
    access_log off;
    client_body_temp_path %[1]s/nginx-body;
    proxy_temp_path %[1]s/nginx-proxy;
    fastcgi_temp_path %[1]s/nginx-fastcgi;
    uwsgi_temp_path %[1]s/nginx-uwsgi;
    scgi_temp_path %[1]s/nginx-scgi;
    keepalive_requests 1000000;
    upstream servers {
        server unix:%[1]s/%[4]s max_fails=0;
%[3]s        keepalive 512;
        keepalive_requests 1000000;
        keepalive_time 10s;
    }
    map "$request_method $uri" $repeatable {
        default 1;
        "POST /api/initialize" 0;
        "POST /api/app/users" 0;
        "POST /api/app/rides" 0;
        "POST /api/owner/owners" 0;
        "POST /api/chair/chairs" 0;
        "~^POST /api/chair/rides/" 0;
    }
    map $http_upgrade $to_server {
        default upgrade;
        "" "";
    }
    proxy_http_version 1.1;
    proxy_set_header Connection $to_server;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Host $http_host;
    proxy_buffering off;
    proxy_connect_timeout 300ms;
    proxy_read_timeout 1h;
    proxy_next_upstream error timeout non_idempotent;
    proxy_next_upstream_tries 6;
    server {
        listen %[2]s reuseport;
        location / {
            if ($repeatable = 0) {
                rewrite ^ /once$uri last;
            }
            proxy_pass http://servers;
        }
        location /supervisor/ {
            proxy_pass http://%[6]s/;
            proxy_next_upstream off;
        }
        location /once/ {
            internal;
            rewrite ^/once(.*)$ $1 break;
            proxy_pass http://servers;
            proxy_next_upstream error timeout;
        }
    }
}
`

// leaderSocket is the name that leads to the leader's socket.
const leaderSocket = "leader.sock"

func (f *front) start(members []*member) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var servers strings.Builder
	for _, m := range members {
		fmt.Fprintf(&servers, "        server %s max_fails=0 backup;\n", m.clients)
	}
	user := ""
	if os.Geteuid() == 0 { // its workers would be somebody else, who may not enter the folder
		user = "user root;"
	}
	config := filepath.Join(f.dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, frontConfig, f.dir, f.listen, servers.String(), leaderSocket, user, f.control), 0o600); err != nil {
		return err
	}
	f.cmd = exec.Command("nginx", "-e", filepath.Join(f.dir, "nginx.log"), "-c", config, "-g", "daemon off;")
	f.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	f.cmd.Stderr = os.Stderr
	if err := f.cmd.Start(); err != nil {
		return fmt.Errorf("nginx: %w; install it with apt-get install nginx-light", err)
	}
	return nil
}

// lead sends everything to another server from now on.
func (f *front) lead(m *member) error {
	name := filepath.Join(f.dir, leaderSocket)
	if err := os.Remove(name + ".new"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(m.socket, name+".new"); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
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
