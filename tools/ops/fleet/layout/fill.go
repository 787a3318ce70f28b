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
	SinkInternal               string
	Stream                     []string // where Kafka and QuestDB are
}

// fill makes the text of a file of the folder files, for any host.
func (l *Layout) fill(name string) string { return l.fillFor(name, l.App()) }

// fillFor makes it for one host.
func (l *Layout) fillFor(name string, h topology.Host) string {
	t := template.Must(template.ParseFS(files, "files/"+name))
	var b strings.Builder
	err := t.Execute(&b, blanks{
		EnvFile: EnvFile, Current: Current, NginxRun: nginxRun,
		Database: l.Database, LocalDB: l.localDB(), TLS: h.Has(topology.TLS), Environment: l.environment(h),
		SinkInternal: SinkInternal, Stream: l.stream(),
	})
	if err != nil {
		panic("BUG: " + name + ": " + err.Error())
	}
	return b.String()
}

// environment is that of the server on the host. What is secret, and what people set, is in EnvFile.
func (l *Layout) environment(h topology.Host) []string {
	list := []string{
		"ISURIDE_LISTEN=" + strings.Join(l.listen(h), ","),
		"ISURIDE_INTERNAL=" + Internal,
		"ISURIDE_DATA=" + Data,
	}
	if h.Has(topology.TLS) {
		list = append(list, "ISURIDE_TLS_LISTEN="+everywhere(h), "ISURIDE_TLS_CERT="+OwnCerts+"/cert.pem", "ISURIDE_TLS_KEY="+OwnCerts+"/key.pem")
	}
	if l.IsGroup() {
		list = append(list, "ISURIDE_REPLICAS="+l.replicas(), "ISURIDE_NODE="+h.Name, "ISURIDE_REPLICA_SECRET="+Secret)
		if h.Has(topology.App) {
			list = append(list, "ISURIDE_LEADER_LISTEN="+door(h))
		}
	}
	if l.Public != "" {
		list = append(list, "ISURIDE_STATIC="+l.Public)
	}
	if l.Dump != "" {
		list = append(list, "ISURIDE_INITIAL_DATA="+l.Dump)
	}
	if h.Has(topology.App) {
		list = append(list, l.stream()...)
	}
	return list
}

// stream says where Kafka and QuestDB are; nothing without the role. With it a server, of a group
// the one that leads, sends its events there.
func (l *Layout) stream() []string {
	hosts := l.With(topology.Stream)
	if len(hosts) == 0 {
		return nil
	}
	return []string{"ISURIDE_KAFKA=" + at(hosts[0], kafkaPort), "ISURIDE_QUESTDB=http://" + at(hosts[0], questPort)}
}

// replicas is the group, as each of its servers is told.
func (l *Layout) replicas() string {
	var list []string
	for _, h := range l.Servers() {
		one := h.Name + "=" + at(h, peerPort)
		if h.Has(topology.Witness) {
			one += "+witness"
		} else {
			one += "/" + at(h, appPort)
		}
		list = append(list, one)
	}
	return strings.Join(list, ",")
}

func at(h topology.Host, port uint16) string { return netip.AddrPortFrom(h.Address, port).String() }

// door is where the server of a group listens while it leads.
func door(h topology.Host) string { return at(h, leaderPort) }

// listen has the addresses at which the server serves plain HTTP. It is for nginx, for the other
// servers of a group, and for the host itself: strangers who came to it would pass for nginx's
// host, which may call /api/internal/.
func (l *Layout) listen(h topology.Host) []string {
	switch {
	case h.Has(topology.Witness):
		return []string{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), appPort).String()}
	case l.IsGroup():
		return []string{at(h, appPort)}
	}
	address := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if l.remoteFronts() {
		address = h.Address
	}
	list := []string{netip.AddrPortFrom(address, appPort).String()}
	if h.Has(topology.Front) {
		list = append(list, "unix:"+Socket)
	}
	return list
}

// upstreams are the addresses at which the front reaches the server or, of a group, the one that
// leads, with others, behind, to go to while none of those answers.
func (l *Layout) upstreams(front topology.Host) (list, behind []string) {
	switch {
	case l.IsGroup():
		for _, h := range l.With(topology.App) {
			list, behind = append(list, door(h)), append(behind, at(h, appPort))
		}
		return list, behind
	case front.Has(topology.App):
		return []string{"unix:" + Socket}, nil
	}
	return []string{at(l.App(), appPort)}, nil
}
