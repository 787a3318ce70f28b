// Package layout says what belongs on each host of a topology: the files that are made
// from it, and the services in the order in which they start. Conventions are those of
// contest machines.
//
// It only computes. How files get there is package release's, and users, packages, the
// database's account and certificates are package setup's.
package layout

import (
	"net/netip"
	"slices"

	"isuride/tools/ops/fleet/topology"
)

// Places on the hosts.
const (
	Home         = "/home/isucon"
	EnvFile      = Home + "/env.sh" // written by setup, edited by people
	Webapp       = Home + "/webapp"
	Releases     = Webapp + "/releases"
	Current      = Webapp + "/current"  // a link to the release that runs
	CertDir      = "/etc/nginx/isuride" // of nginx, which reads it as root
	OwnCerts     = "/etc/isuride"       // of a server that ends TLS itself
	Secret       = "/etc/isuride/replica.secret"
	Data         = "/var/lib/isuride"
	Socket       = "/run/isuride/server.sock"
	Internal     = "127.0.0.1:8081" // metrics, profiles and health of the server
	SinkInternal = "127.0.0.1:8083" // metrics of the sink
	nginxRun     = "/var/lib/nginx"
)

// Ports.
const (
	httpsPort  = 443
	behindPort = 8443 // of fronts, for TLS that the first front spreads
	appPort    = 8080
	leaderPort = 8082 // of the server of a group that leads
	peerPort   = 7100 // of the servers of a group, for each other
	dbPort     = 3306
	kafkaPort  = 9092
	questPort  = 9000 // of QuestDB's HTTP
)

// Units of the services.
const (
	Server      = "isuride-go.service"
	PaymentMock = "isuride-payment_mock.service"
	Sink        = "isuride-sink.service"
	Nginx       = "nginx.service"
)

// Phase is a step of a change of the hosts. What serves others changes before them.
type Phase string

// The phases, in their order.
const (
	Kernel Phase = "kernel"
	DB     Phase = Phase(topology.DB)
	App    Phase = Phase(topology.App)
	Front  Phase = Phase(topology.Front)
	Stream Phase = Phase(topology.Stream)
)

// Phases lists them.
func Phases() []Phase { return []Phase{Kernel, DB, App, Front, Stream} }

// On reports whether the phase has something to do on the host. That of the fronts is also where
// a server that ends TLS itself shows that it does.
func (p Phase) On(h topology.Host) bool {
	return p == Kernel || h.Has(topology.Role(p)) || p == App && h.Serves() || p == Front && h.Has(topology.TLS)
}

// Action makes a change of a file take effect.
type Action string

const (
	Nothing Action = "nothing"
	Apply   Action = "sysctl" // of the kernel's settings in the file
	Reload  Action = "reload"
	Restart Action = "restart"
)

// File is generated, belongs to root, is readable for all and so holds no secret.
type File struct {
	Path    string
	Content string
	Phase   Phase
	Then    Action
	Unit    string // that Then is about, or "-"
}

// Service runs on a host, and starts by itself after a reboot.
type Service struct {
	Unit  string
	Phase Phase
}

// Layout is a topology with what only a look at the hosts tells.
type Layout struct {
	*topology.Topology
	// Project is the folder of the checkout.
	Project string
	// Database is the name of the database's service, mariadb or mysql.
	Database string
	// Public is the folder of the front end on the hosts, "" if there is none.
	Public string
	// Dump is the file with the initial data on the app host, "" for the one in the server.
	Dump string
}

// Services are those of the host in their order.
func (l *Layout) Services(h topology.Host) []Service {
	var list []Service
	if h.Has(topology.DB) {
		list = append(list, Service{l.DatabaseUnit(), DB})
	}
	if h.Has(topology.App) {
		list = append(list, Service{PaymentMock, App})
	}
	if h.Serves() {
		list = append(list, Service{Server, App})
	}
	if h.Has(topology.Front) {
		list = append(list, Service{Nginx, Front})
	}
	if h.Has(topology.Stream) {
		list = append(list, Service{Sink, Stream})
	}
	return list
}

// Absent are services that must not run on the host: nginx, of a layout before or of the
// host's own, would hold the port of a server that ends TLS itself.
func (l *Layout) Absent(h topology.Host) []Service {
	if h.Has(topology.TLS) {
		return []Service{{Nginx, Front}}
	}
	return nil
}

// Pair is certificate and key on a host that ends TLS, cert.pem and key.pem.
type Pair struct {
	Dir    string
	Reader string // group that may read the key
	Then   Action // what makes another pair count
	Unit   string // that Then is about
}

// PairOf tells about the pair of the host.
func PairOf(h topology.Host) Pair {
	if h.Has(topology.TLS) {
		return Pair{OwnCerts, "isucon", Restart, Server}
	}
	return Pair{CertDir, "root", Reload, Nginx}
}

// DatabaseUnit is the unit of the database.
func (l *Layout) DatabaseUnit() string { return l.Database + ".service" }

// Files are those of the host, in the order of their phases.
func (l *Layout) Files(h topology.Host) ([]File, error) {
	list := []File{
		{"/etc/sysctl.d/90-isuride.conf", l.fill("sysctl.conf"), Kernel, Apply, "-"},
		{"/etc/security/limits.d/90-isuride.conf", l.fill("limits.conf"), Kernel, Nothing, "-"},
	}
	if h.Has(topology.DB) {
		settings, err := l.databaseSettings()
		if err != nil {
			return nil, err
		}
		list = append(list,
			File{"/etc/systemd/system/" + l.DatabaseUnit() + ".d/isuride.conf", l.fill("database.service.conf"), DB, Restart, l.DatabaseUnit()},
			File{l.databaseFile(), settings, DB, Restart, l.DatabaseUnit()})
	}
	if h.Has(topology.App) {
		list = append(list, File{"/etc/systemd/system/" + PaymentMock, l.fill(PaymentMock), App, Restart, PaymentMock})
	}
	if h.Serves() {
		list = append(list, File{"/etc/systemd/system/" + Server, l.fillFor(Server, h), App, Restart, Server})
	}
	if h.Has(topology.Front) {
		settings, err := l.nginxSettings(h)
		if err != nil {
			return nil, err
		}
		list = append(list,
			File{"/etc/systemd/system/" + Nginx + ".d/isuride.conf", l.fill("nginx.service.conf"), Front, Restart, Nginx},
			File{"/etc/nginx/nginx.conf", settings, Front, Reload, Nginx})
	}
	if h.Has(topology.Stream) {
		list = append(list, File{"/etc/systemd/system/" + Sink, l.fill(Sink), Stream, Restart, Sink})
	}
	return list, nil
}

// localDB reports whether the database serves nobody but a server on its own host.
func (l *Layout) localDB() bool { return l.App().Has(topology.DB) && !l.IsGroup() }

// DatabaseAddress is the one at which the database listens and the servers reach it.
func (l *Layout) DatabaseAddress() netip.AddrPort {
	if l.localDB() {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), dbPort)
	}
	return netip.AddrPortFrom(l.DB().Address, dbPort)
}

// DatabaseClients are the addresses that the servers come from. A witness needs no database.
func (l *Layout) DatabaseClients() (list []netip.Addr) {
	if l.localDB() {
		return []netip.Addr{l.DatabaseAddress().Addr()}
	}
	for _, h := range l.With(topology.App) {
		list = append(list, h.Address)
	}
	return list
}

// remoteFronts reports whether a front is on another host than the server.
func (l *Layout) remoteFronts() bool {
	app := l.App()
	return slices.ContainsFunc(l.With(topology.Front), func(h topology.Host) bool { return h.Name != app.Name })
}
