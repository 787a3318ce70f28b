package layout

import (
	"embed"
	"net/netip"
	"strings"
	"text/template"

	"isuride/tools/ops/fleet/topology"
)

//go:embed files
var files embed.FS

// blanks are the values that the files may refer to.
type blanks struct {
	EnvFile, Current, NginxRun string
	Database                   string
	LocalDB, TLS               bool
	Environment                []string
}

// fill makes the text of a file of the folder files.
func (l *Layout) fill(name string) string {
	t := template.Must(template.ParseFS(files, "files/"+name))
	var b strings.Builder
	err := t.Execute(&b, blanks{
		EnvFile: EnvFile, Current: Current, NginxRun: nginxRun,
		Database: l.Database, LocalDB: l.localDB(), TLS: l.App().Has(topology.TLS), Environment: l.environment(),
	})
	if err != nil {
		panic("BUG: " + name + ": " + err.Error())
	}
	return b.String()
}

// environment is the server's. What is secret, and what people set, is in EnvFile.
func (l *Layout) environment() []string {
	list := []string{
		"ISURIDE_LISTEN=" + strings.Join(l.listen(), ","),
		"ISURIDE_INTERNAL=" + Internal,
		"ISURIDE_DATA=/var/lib/isuride",
	}
	if app := l.App(); app.Has(topology.TLS) {
		list = append(list, "ISURIDE_TLS_LISTEN="+everywhere(app), "ISURIDE_TLS_CERT="+OwnCerts+"/cert.pem", "ISURIDE_TLS_KEY="+OwnCerts+"/key.pem")
	}
	if l.Public != "" {
		list = append(list, "ISURIDE_STATIC="+l.Public)
	}
	if l.Dump != "" {
		list = append(list, "ISURIDE_INITIAL_DATA="+l.Dump)
	}
	return list
}

// listen has the addresses at which the server serves plain HTTP. It is for nginx, and for the host itself:
// strangers who came to it would pass for nginx's host, which may call /api/internal/.
func (l *Layout) listen() []string {
	address := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if l.remoteFronts() {
		address = l.App().Address
	}
	list := []string{netip.AddrPortFrom(address, appPort).String()}
	if l.App().Has(topology.Front) {
		list = append(list, "unix:"+Socket)
	}
	return list
}

// upstream is the address at which the front reaches the server.
func (l *Layout) upstream(front topology.Host) string {
	if front.Has(topology.App) {
		return "unix:" + Socket
	}
	return netip.AddrPortFrom(l.App().Address, appPort).String()
}
