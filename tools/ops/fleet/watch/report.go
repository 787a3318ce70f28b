package watch

import "time"

// Report is a snapshot. Rates are per second and averaged over the last five, percentiles
// cover the last five seconds; times are in seconds, sizes in bytes, CPU in processors.
type Report struct {
	Time   time.Time `json:"time"`
	Server *Server   `json:"server"` // nil while it does not answer; of a group, the one that leads
	Hosts  []Host    `json:"hosts"`
}

// Server has the figures from the server's metrics.
type Server struct {
	Revision    string      `json:"revision"`
	Release     string      `json:"release,omitempty"` // where the host has releases
	Generation  float64     `json:"generation"`
	Started     time.Time   `json:"started"`
	Memory      float64     `json:"memory"`
	Goroutines  float64     `json:"goroutines"`
	Rides       Rides       `json:"rides"`
	Requests    Requests    `json:"requests"`
	Latencies   []Latency   `json:"latencies"`
	Matching    Matching    `json:"matching"`
	Accounts    Accounts    `json:"accounts"`
	Streams     Streams     `json:"streams"`
	Journal     Journal     `json:"journal"`
	Database    Database    `json:"database"`
	Payments    Payments    `json:"payments"`
	Connections Connections `json:"connections"`
	Errors      Errors      `json:"errors"`
	Replica     *Replica    `json:"replica,omitempty"` // nil for a server alone
}

// Replica is what a server is in its group.
type Replica struct {
	Role    string  `json:"role"` // leader, standby, witness, candidate or learner
	Term    float64 `json:"term"`
	Leader  bool    `json:"leader_known"`
	InDoubt bool    `json:"in_doubt"`
	Lag     float64 `json:"lag"`  // events that are committed and not in its state
	Wait    Latency `json:"wait"` // for a majority
	// Behind has, at the leader, how many events each of the others lacks, by name.
	Behind map[string]float64 `json:"behind,omitempty"`
	// Different counts comparisons in which its state was not the leader's.
	Different float64 `json:"different"`
}

// leads reports whether the server says that it leads.
func (r *Replica) leads() bool { return r != nil && r.Role == "leader" }

// Rides has the rates of changes of rides, and how many rides are in each state.
type Rides struct {
	Requested  float64 `json:"requested"`
	Matched    float64 `json:"matched"`
	Completed  float64 `json:"completed"`
	Waiting    float64 `json:"waiting"`  // for a chair
	Assigned   float64 `json:"assigned"` // to a chair that has not accepted yet
	Pickup     float64 `json:"pickup"`
	Carrying   float64 `json:"carrying"`
	Arrived    float64 `json:"arrived"`
	OldestWait float64 `json:"oldest_wait"`
}

// Requests has rates by class of status.
type Requests struct {
	All         float64 `json:"all"`
	Success     float64 `json:"success"`
	Redirect    float64 `json:"redirect"`
	ClientError float64 `json:"client_error"`
	ServerError float64 `json:"server_error"`
}

// Latency has percentiles of a duration, which are 0 if nothing was measured.
type Latency struct {
	Name string  `json:"name"`
	Rate float64 `json:"rate"`
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
}

// Matching has the rounds of matching; Rides and Chairs are the size of the last one.
type Matching struct {
	Rounds float64 `json:"rounds"`
	Round  Latency `json:"round"`
	Rides  float64 `json:"rides"`
	Chairs float64 `json:"chairs"`
	Cost   float64 `json:"cost"` // of a match, mean
}

// Accounts counts the participants.
type Accounts struct {
	FreeChairs     float64 `json:"free_chairs"`
	BusyChairs     float64 `json:"busy_chairs"`
	InactiveChairs float64 `json:"inactive_chairs"`
	Users          float64 `json:"users"`
}

// Streams counts open streams; Sent is the rate of notifications.
type Streams struct {
	Users  float64 `json:"users"`
	Chairs float64 `json:"chairs"`
	Sent   float64 `json:"sent"`
}

// Journal has rates of events and bytes, and what is not on the disk yet.
type Journal struct {
	Events   float64 `json:"events"`
	Bytes    float64 `json:"bytes"`
	Unsynced float64 `json:"unsynced"` // events
	Size     float64 `json:"size"`     // of its files
}

// Database says how far the tables trail the journal; Rows and Retries are rates.
type Database struct {
	Backlog float64 `json:"backlog"` // events
	Lag     float64 `json:"lag"`
	Rows    float64 `json:"rows"`
	Batch   Latency `json:"batch"`
	Retries float64 `json:"retries"`
}

// Payments has rates of attempts by result, and how many are in progress.
type Payments struct {
	Accepted float64 `json:"accepted"`
	Refused  float64 `json:"refused"`
	Failed   float64 `json:"failed"`
	Open     float64 `json:"open"`
}

// Connections are the server's own; Refused is a rate.
type Connections struct {
	Open    float64 `json:"open"`
	Max     float64 `json:"max"`
	Refused float64 `json:"refused"`
}

// Errors counts log lines since the start of the server.
type Errors struct {
	Logged float64 `json:"logged"`
	Rate   float64 `json:"rate"`
	Last   string  `json:"last,omitempty"` // where a service writes the log
}

// Host has the figures from its kernel, if it is reachable.
type Host struct {
	Name       string    `json:"name"`
	Roles      string    `json:"roles"`
	Here       bool      `json:"here"`
	Gone       float64   `json:"gone,omitzero"`     // for how long it has not been here
	Problem    string    `json:"problem,omitempty"` // with the host, or with its server
	CPUs       int       `json:"cpus"`
	Busy       float64   `json:"busy"`
	Stolen     float64   `json:"stolen"` // by the hypervisor
	Load       float64   `json:"load"`
	MemoryUsed float64   `json:"memory_used"`
	Memory     float64   `json:"memory"`
	Received   float64   `json:"received"`
	Sent       float64   `json:"sent"`
	TCP        int       `json:"tcp"` // sockets in use
	TimeWait   int       `json:"time_wait"`
	Processes  []Process `json:"processes"` // ours, the busiest first
	Replica    *Replica  `json:"replica,omitempty"`
}

// Process sums up all processes of a name.
type Process struct {
	Name string  `json:"name"`
	CPUs float64 `json:"cpus"`
}
