// Package unit reads systemd's unit files, with their drop-ins, as far as the services of
// the stack need it: what is run, as whom, with which surroundings, and when again.
//
// It knows what it leaves out: directives that it does not understand are listed in
// Unit.Ignored. Running is package supervisor's.
package unit

import (
	"io/fs"
	"path"
	"slices"
	"syscall"
	"time"
)

// Unit is a service or a target.
type Unit struct {
	Name        string // as in its file, also if it was asked for by an alias
	Path        string // of the file
	Description string
	Ignored     []string // directives without effect, as "Service.ProtectSystem", sorted

	After, Before, Wants, Requires []string
	WantedBy, RequiredBy, Alias    []string

	Service Service
}

// Service is the section [Service], with systemd's defaults filled in.
type Service struct {
	Type            Type
	PIDFile         string
	RemainAfterExit bool

	StartPre, Start, StartPost []Command
	Reload                     []Command
	Stop, StopPost             []Command

	Environment      []string // KEY=value
	EnvironmentFiles []File
	User, Group      string // "" is root
	WorkingDirectory string
	UMask            fs.FileMode
	OpenFiles        Limit
	Ambient          []int  // capabilities of AmbientCapabilities, by Linux's numbers
	Identifier       string // in the journal, "" is the command's name

	Runtime, State, Cache, Logs Directory
	Sandbox                     Sandbox

	KillSignal   syscall.Signal
	KillMode     KillMode
	NeverKill    bool // SendSIGKILL=no
	StartTimeout time.Duration
	StopTimeout  time.Duration

	Restart       Restart
	RestartDelay  time.Duration
	LimitInterval time.Duration // of StartLimitIntervalSec
	LimitBurst    int           // starts in the interval, 0 is any number
}

// Type says when a service counts as started.
type Type string

const (
	Simple  Type = "simple"  // when its process was made
	Exec    Type = "exec"    // when its program runs
	Forking Type = "forking" // when its first process has ended well
	Oneshot Type = "oneshot" // when its commands have ended well
	Notify  Type = "notify"  // when it says so
)

// KillMode says which processes of a service get the signal to stop.
type KillMode string

const (
	KillAll   KillMode = "control-group"
	KillMixed KillMode = "mixed" // the main one; the others are killed afterwards
	KillMain  KillMode = "process"
	KillNone  KillMode = "none"
)

// Restart says after which ends a service is started again.
type Restart string

const (
	RestartNo         Restart = "no"
	RestartAlways     Restart = "always"
	RestartOnSuccess  Restart = "on-success"
	RestartOnFailure  Restart = "on-failure"
	RestartOnAbnormal Restart = "on-abnormal"
	RestartOnAbort    Restart = "on-abort"
)

// Forever is a timeout of "infinity".
const Forever = time.Duration(1<<63 - 1)

// File is one that may have to be there.
type File struct {
	Path     string
	Optional bool
}

// Limit is a resource limit; Unlimited stands for "infinity". Without Set, systemd's
// default counts.
type Limit struct {
	Soft, Hard uint64
	Set        bool
}

// Unlimited is RLIM_INFINITY.
const Unlimited = ^uint64(0)

// Directory is made for a service below /run, /var/lib and the like.
type Directory struct {
	Names    []string
	Mode     fs.FileMode
	Preserve bool // RuntimeDirectoryPreserve=yes
}

// Sandbox is what a service may not do.
type Sandbox struct {
	System          Protection // ProtectSystem: the folders of the system are read-only
	Home            Protection // ProtectHome
	PrivateTmp      bool
	Writable        []string // ReadWritePaths, within what System covers
	NoNewPrivileges bool
	NoCapabilities  bool // CapabilityBoundingSet= without any
}

// Protection is a degree of ProtectSystem= and ProtectHome=.
type Protection string

const (
	Unprotected Protection = "no"
	Protected   Protection = "yes"       // /usr and /boot; homes cannot be seen
	Full        Protection = "full"      // and /etc
	Strict      Protection = "strict"    // and everything else
	ReadOnly    Protection = "read-only" // homes
)

func newUnit(name, file string) *Unit {
	directory := Directory{Mode: 0o755}
	return &Unit{Name: name, Path: file, Service: Service{
		UMask:         0o022,
		Runtime:       directory,
		State:         directory,
		Cache:         directory,
		Logs:          directory,
		Sandbox:       Sandbox{System: Unprotected, Home: Unprotected},
		KillSignal:    syscall.SIGTERM,
		KillMode:      KillAll,
		Restart:       RestartNo,
		RestartDelay:  100 * time.Millisecond,
		StartTimeout:  -1, // depends on the type
		StopTimeout:   90 * time.Second,
		LimitInterval: 10 * time.Second,
		LimitBurst:    5,
	}}
}

// complete fills in the defaults that depend on other directives.
func (u *Unit) complete() {
	slices.Sort(u.Ignored)
	u.Ignored = slices.Compact(u.Ignored)
	s := &u.Service
	if s.Type == "" {
		s.Type = Simple
		if len(s.Start) == 0 {
			s.Type = Oneshot
		}
	}
	if s.StartTimeout < 0 {
		s.StartTimeout = 90 * time.Second
		if s.Type == Oneshot {
			s.StartTimeout = Forever
		}
	}
	for _, limit := range []*time.Duration{&s.StartTimeout, &s.StopTimeout} {
		if *limit == 0 { // systemd's word for no limit
			*limit = Forever
		}
	}
	if s.Identifier == "" && len(s.Start) > 0 && len(s.Start[0].words) > 0 {
		s.Identifier = path.Base(s.Start[0].words[0])
	}
}
