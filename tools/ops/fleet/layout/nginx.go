package layout

import (
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"

	"isuride/tools/ops/fleet/topology"
)

// nginxSettings is the front's nginx.conf. A single front listens for the clients. Of
// several, the first takes all connections and spreads them, raw, over all fronts, itself
// among them; the PROXY protocol tells them where a client is.
func (l *Layout) nginxSettings(h topology.Host) (string, error) {
	static := l.Public
	if static == "" {
		static = Webapp + "/public"
	}
	vars := []string{
		"NGINX_USER=isucon", "NGINX_RUN=" + nginxRun,
		"NGINX_CERT=" + CertDir + "/cert.pem", "NGINX_KEY=" + CertDir + "/key.pem",
		"NGINX_STATIC=" + static,
	}
	upstreams, fallback := l.upstreams(h)
	vars = append(vars, "NGINX_UPSTREAM="+strings.Join(upstreams, ","))
	if len(fallback) > 0 {
		vars = append(vars, "NGINX_FALLBACK="+strings.Join(fallback, ","))
	}
	if l.spreads() {
		fronts := l.With(topology.Front)
		vars = append(vars, "NGINX_LISTEN="+behind(h), "NGINX_TRUSTED="+fronts[0].Address.String())
		if h.Name == fronts[0].Name {
			var all []string
			for _, f := range fronts {
				all = append(all, behind(f))
			}
			vars = append(vars, "NGINX_SPREAD="+everywhere(h), "NGINX_SPREAD_TO="+strings.Join(all, ","))
		}
	} else {
		vars = append(vars, "NGINX_LISTEN="+everywhere(h))
	}
	return render(l.Project, vars)
}

// spreads reports whether there is more than one front.
func (l *Layout) spreads() bool { return len(l.With(topology.Front)) > 1 }

func behind(h topology.Host) string { return at(h, behindPort) }

// everywhere is the port for clients on all addresses of the host's kind.
func everywhere(h topology.Host) string {
	if h.Address.Is6() {
		return fmt.Sprintf("[::]:%d", httpsPort)
	}
	return fmt.Sprintf("0.0.0.0:%d", httpsPort)
}

// render runs the script with these variables only.
func render(project string, vars []string) (string, error) {
	script := filepath.Join(project, "scripts", "nginx.sh")
	cmd := exec.Command("bash", script, "render")
	cmd.Env = append(vars, "PATH=/usr/local/bin:/usr/bin:/bin")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && len(exit.Stderr) > 0 {
			err = errors.New(strings.TrimSpace(string(exit.Stderr)))
		}
		return "", fmt.Errorf("make nginx.conf: %w", err)
	}
	return string(out), nil
}

// Probe is a request that tells if a host that ends TLS serves: curl's arguments, to be
// used on that host. Without a cookie the answer is 401.
func (l *Layout) Probe(entrance topology.Host) []string {
	const name, path = "xiv.isucon.net", "/api/app/notification"
	to, port := entrance.Address, uint16(httpsPort)
	var args []string
	if l.spreads() && entrance.Name != l.With(topology.Front)[0].Name {
		port = behindPort
		args = append(args, "--haproxy-protocol")
	}
	at := netip.AddrPortFrom(to, port)
	// The certificate need not be for this name, nor be one that the host trusts.
	return append(args, "--insecure", "--connect-to", fmt.Sprintf("%s:%d:%s", name, port, at),
		fmt.Sprintf("https://%s:%d%s", name, port, path))
}
