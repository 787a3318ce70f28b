package unit

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// setter puts a value into the unit. An empty value takes back a list.
type setter func(u *Unit, value string) error

// directives are those that are understood.
var directives = map[string]setter{
	"Unit.Description": text(func(u *Unit) *string { return &u.Description }),
	"Unit.After":       names(func(u *Unit) *[]string { return &u.After }),
	"Unit.Before":      names(func(u *Unit) *[]string { return &u.Before }),
	"Unit.Wants":       names(func(u *Unit) *[]string { return &u.Wants }),
	"Unit.Requires":    names(func(u *Unit) *[]string { return &u.Requires }),
	"Unit.BindsTo":     names(func(u *Unit) *[]string { return &u.Requires }),

	"Unit.StartLimitIntervalSec": duration(func(u *Unit) *time.Duration { return &u.Service.LimitInterval }),
	"Unit.StartLimitBurst":       number(func(u *Unit) *int { return &u.Service.LimitBurst }),

	"Install.WantedBy":   names(func(u *Unit) *[]string { return &u.WantedBy }),
	"Install.RequiredBy": names(func(u *Unit) *[]string { return &u.RequiredBy }),
	"Install.Alias":      names(func(u *Unit) *[]string { return &u.Alias }),

	"Service.Type":            serviceType,
	"Service.PIDFile":         pidFile,
	"Service.RemainAfterExit": boolean(func(u *Unit) *bool { return &u.Service.RemainAfterExit }),

	"Service.ExecStartPre":  commands(func(u *Unit) *[]Command { return &u.Service.StartPre }),
	"Service.ExecStart":     commands(func(u *Unit) *[]Command { return &u.Service.Start }),
	"Service.ExecStartPost": commands(func(u *Unit) *[]Command { return &u.Service.StartPost }),
	"Service.ExecReload":    commands(func(u *Unit) *[]Command { return &u.Service.Reload }),
	"Service.ExecStop":      commands(func(u *Unit) *[]Command { return &u.Service.Stop }),
	"Service.ExecStopPost":  commands(func(u *Unit) *[]Command { return &u.Service.StopPost }),

	"Service.Environment":      environment,
	"Service.EnvironmentFile":  environmentFile,
	"Service.User":             text(func(u *Unit) *string { return &u.Service.User }),
	"Service.Group":            text(func(u *Unit) *string { return &u.Service.Group }),
	"Service.WorkingDirectory": text(func(u *Unit) *string { return &u.Service.WorkingDirectory }),
	"Service.UMask":            mode(func(u *Unit) *fs.FileMode { return &u.Service.UMask }),
	"Service.LimitNOFILE":      openFiles,

	"Service.AmbientCapabilities": ambient,

	"Service.SyslogIdentifier": text(func(u *Unit) *string { return &u.Service.Identifier }),

	"Service.RuntimeDirectory":         names(func(u *Unit) *[]string { return &u.Service.Runtime.Names }),
	"Service.RuntimeDirectoryMode":     mode(func(u *Unit) *fs.FileMode { return &u.Service.Runtime.Mode }),
	"Service.RuntimeDirectoryPreserve": boolean(func(u *Unit) *bool { return &u.Service.Runtime.Preserve }),
	"Service.StateDirectory":           names(func(u *Unit) *[]string { return &u.Service.State.Names }),
	"Service.StateDirectoryMode":       mode(func(u *Unit) *fs.FileMode { return &u.Service.State.Mode }),
	"Service.CacheDirectory":           names(func(u *Unit) *[]string { return &u.Service.Cache.Names }),
	"Service.CacheDirectoryMode":       mode(func(u *Unit) *fs.FileMode { return &u.Service.Cache.Mode }),
	"Service.LogsDirectory":            names(func(u *Unit) *[]string { return &u.Service.Logs.Names }),
	"Service.LogsDirectoryMode":        mode(func(u *Unit) *fs.FileMode { return &u.Service.Logs.Mode }),

	"Service.ProtectSystem":         protection(func(u *Unit) *Protection { return &u.Service.Sandbox.System }, Full, Strict),
	"Service.ProtectHome":           protection(func(u *Unit) *Protection { return &u.Service.Sandbox.Home }, ReadOnly),
	"Service.PrivateTmp":            boolean(func(u *Unit) *bool { return &u.Service.Sandbox.PrivateTmp }),
	"Service.ReadWritePaths":        names(func(u *Unit) *[]string { return &u.Service.Sandbox.Writable }),
	"Service.NoNewPrivileges":       boolean(func(u *Unit) *bool { return &u.Service.Sandbox.NoNewPrivileges }),
	"Service.CapabilityBoundingSet": boundingSet,

	"Service.KillSignal":      killSignal,
	"Service.KillMode":        oneOf(func(u *Unit) *KillMode { return &u.Service.KillMode }, KillAll, KillMixed, KillMain, KillNone),
	"Service.SendSIGKILL":     sendSIGKILL,
	"Service.TimeoutStartSec": duration(func(u *Unit) *time.Duration { return &u.Service.StartTimeout }),
	"Service.TimeoutStopSec":  duration(func(u *Unit) *time.Duration { return &u.Service.StopTimeout }),
	"Service.TimeoutSec":      timeouts,
	"Service.Restart": oneOf(func(u *Unit) *Restart { return &u.Service.Restart },
		RestartNo, RestartAlways, RestartOnSuccess, RestartOnFailure, RestartOnAbnormal, RestartOnAbort),
	"Service.RestartSec":         duration(func(u *Unit) *time.Duration { return &u.Service.RestartDelay }),
	"Service.StartLimitInterval": duration(func(u *Unit) *time.Duration { return &u.Service.LimitInterval }),
	"Service.StartLimitBurst":    number(func(u *Unit) *int { return &u.Service.LimitBurst }),
}

func text(field func(*Unit) *string) setter {
	return func(u *Unit, value string) (err error) {
		*field(u), err = specify(u.Name, value)
		return err
	}
}

// names reads words; the list is taken back by an empty value.
func names(field func(*Unit) *[]string) setter {
	return func(u *Unit, value string) error {
		list := field(u)
		if value == "" {
			*list = nil
			return nil
		}
		words, err := split(value)
		if err != nil {
			return err
		}
		for _, word := range words {
			word, err := specify(u.Name, word)
			if err != nil {
				return err
			}
			*list = append(*list, word)
		}
		return nil
	}
}

func commands(field func(*Unit) *[]Command) setter {
	return func(u *Unit, value string) error {
		list := field(u)
		if value == "" {
			*list = nil
			return nil
		}
		c, err := parseCommand(u.Name, value)
		if err == nil {
			*list = append(*list, c)
		}
		return err
	}
}

func boolean(field func(*Unit) *bool) setter {
	return func(u *Unit, value string) (err error) {
		*field(u), err = truth(value)
		return err
	}
}

func truth(value string) (bool, error) {
	switch strings.ToLower(value) {
	case "1", "yes", "y", "true", "t", "on":
		return true, nil
	case "0", "no", "n", "false", "f", "off", "": // empty means the default
		return false, nil
	}
	return false, fmt.Errorf("%q is neither yes nor no", value)
}

func number(field func(*Unit) *int) setter {
	return func(u *Unit, value string) (err error) {
		*field(u), err = strconv.Atoi(value)
		return err
	}
}

func mode(field func(*Unit) *fs.FileMode) setter {
	return func(u *Unit, value string) error {
		n, err := strconv.ParseUint(value, 8, 12)
		*field(u) = fs.FileMode(n)
		return err
	}
}

func oneOf[T ~string](field func(*Unit) *T, choices ...T) setter {
	return func(u *Unit, value string) error {
		if !slices.Contains(choices, T(value)) {
			return fmt.Errorf("%q is none of %v", value, choices)
		}
		*field(u) = T(value)
		return nil
	}
}

// protection reads a degree, or yes or no.
func protection(field func(*Unit) *Protection, degrees ...Protection) setter {
	return func(u *Unit, value string) error {
		if slices.Contains(degrees, Protection(value)) {
			*field(u) = Protection(value)
			return nil
		}
		yes, err := truth(value)
		*field(u) = Unprotected
		if yes {
			*field(u) = Protected
		}
		return err
	}
}

// boundingSet knows the set of none; others have no effect.
func boundingSet(u *Unit, value string) error {
	u.Service.Sandbox.NoCapabilities = value == ""
	if value != "" {
		u.Ignored = append(u.Ignored, "Service.CapabilityBoundingSet")
	}
	return nil
}

func duration(field func(*Unit) *time.Duration) setter {
	return func(u *Unit, value string) (err error) {
		*field(u), err = ParseDuration(value)
		return err
	}
}

// timeUnits are those of systemd.time(7) that services use.
var timeUnits = map[string]time.Duration{
	"us": time.Microsecond, "ms": time.Millisecond,
	"": time.Second, "s": time.Second, "sec": time.Second, "second": time.Second, "seconds": time.Second,
	"m": time.Minute, "min": time.Minute, "minute": time.Minute, "minutes": time.Minute,
	"h": time.Hour, "hr": time.Hour, "hour": time.Hour, "hours": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour,
}

// ParseDuration reads what systemd does: "90", "1min 30s", "500ms", "infinity".
func ParseDuration(value string) (time.Duration, error) {
	if value == "infinity" {
		return Forever, nil
	}
	var sum time.Duration
	rest := strings.ReplaceAll(value, " ", "")
	if rest == "" {
		return 0, fmt.Errorf("%q is no time", value)
	}
	for rest != "" {
		digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789."))]
		rest = rest[len(digits):]
		word := rest[:len(rest)-len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyz"))]
		rest = rest[len(word):]
		n, err := strconv.ParseFloat(digits, 64)
		one, ok := timeUnits[word]
		if err != nil || !ok || n*float64(one) > float64(Forever/2) {
			return 0, fmt.Errorf("%q is no time", value)
		}
		sum += time.Duration(n * float64(one))
	}
	return sum, nil
}

// timeouts reads TimeoutSec, which is both.
func timeouts(u *Unit, value string) error {
	d, err := ParseDuration(value)
	u.Service.StartTimeout, u.Service.StopTimeout = d, d
	return err
}

func serviceType(u *Unit, value string) error {
	if value == "idle" { // as simple, after others have written to the console
		value = string(Simple)
	}
	if value == "notify-reload" {
		value = string(Notify)
	}
	return oneOf(func(u *Unit) *Type { return &u.Service.Type }, Simple, Exec, Forking, Oneshot, Notify)(u, value)
}

func pidFile(u *Unit, value string) (err error) {
	if value != "" && !strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "%") {
		value = "/run/" + value
	}
	u.Service.PIDFile, err = specify(u.Name, value)
	return err
}

func environment(u *Unit, value string) error {
	if value == "" {
		u.Service.Environment = nil
		return nil
	}
	words, err := split(value)
	if err != nil {
		return err
	}
	for _, word := range words {
		word, err := specify(u.Name, word)
		if err != nil {
			return err
		}
		if key, _, ok := strings.Cut(word, "="); !ok || !isVariable(key) {
			return fmt.Errorf("%q is no KEY=value", word)
		}
		u.Service.Environment = append(u.Service.Environment, word)
	}
	return nil
}

func environmentFile(u *Unit, value string) error {
	if value == "" {
		u.Service.EnvironmentFiles = nil
		return nil
	}
	path, optional := strings.CutPrefix(value, "-")
	path, err := specify(u.Name, path)
	u.Service.EnvironmentFiles = append(u.Service.EnvironmentFiles, File{path, optional})
	return err
}

// openFiles reads "N" or "SOFT:HARD".
func openFiles(u *Unit, value string) (err error) {
	l := Limit{Set: true}
	soft, hard, both := strings.Cut(value, ":")
	if !both {
		hard = soft
	}
	if l.Soft, err = limit(soft); err != nil {
		return err
	}
	l.Hard, err = limit(hard)
	u.Service.OpenFiles = l
	return err
}

// capabilities are Linux's, at their numbers.
var capabilities = strings.Fields(`CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL
	CAP_SETGID CAP_SETUID CAP_SETPCAP CAP_LINUX_IMMUTABLE CAP_NET_BIND_SERVICE CAP_NET_BROADCAST CAP_NET_ADMIN
	CAP_NET_RAW CAP_IPC_LOCK CAP_IPC_OWNER CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_CHROOT CAP_SYS_PTRACE CAP_SYS_PACCT
	CAP_SYS_ADMIN CAP_SYS_BOOT CAP_SYS_NICE CAP_SYS_RESOURCE CAP_SYS_TIME CAP_SYS_TTY_CONFIG CAP_MKNOD CAP_LEASE
	CAP_AUDIT_WRITE CAP_AUDIT_CONTROL CAP_SETFCAP CAP_MAC_OVERRIDE CAP_MAC_ADMIN CAP_SYSLOG CAP_WAKE_ALARM
	CAP_BLOCK_SUSPEND CAP_AUDIT_READ CAP_PERFMON CAP_BPF CAP_CHECKPOINT_RESTORE`)

func ambient(u *Unit, value string) error {
	if value == "" {
		u.Service.Ambient = nil
		return nil
	}
	for word := range strings.FieldsSeq(value) {
		n := slices.Index(capabilities, strings.ToUpper(word))
		if n < 0 { // also ~, which would take some away
			return fmt.Errorf("%q is no capability", word)
		}
		u.Service.Ambient = append(u.Service.Ambient, n)
	}
	return nil
}

func limit(word string) (uint64, error) {
	if word == "infinity" {
		return Unlimited, nil
	}
	return strconv.ParseUint(word, 10, 64)
}

var signals = map[string]syscall.Signal{
	"SIGHUP": syscall.SIGHUP, "SIGINT": syscall.SIGINT, "SIGQUIT": syscall.SIGQUIT, "SIGABRT": syscall.SIGABRT,
	"SIGKILL": syscall.SIGKILL, "SIGUSR1": syscall.SIGUSR1, "SIGUSR2": syscall.SIGUSR2, "SIGTERM": syscall.SIGTERM,
	"SIGCONT": syscall.SIGCONT, "SIGSTOP": syscall.SIGSTOP, "SIGWINCH": syscall.SIGWINCH,
}

// ParseSignal reads a name, with or without SIG, or a number.
func ParseSignal(value string) (syscall.Signal, error) {
	if n, err := strconv.Atoi(value); err == nil && n > 0 && n < 65 {
		return syscall.Signal(n), nil
	}
	if s, ok := signals["SIG"+strings.TrimPrefix(value, "SIG")]; ok {
		return s, nil
	}
	return 0, fmt.Errorf("%q is none of %v", value, slices.Sorted(maps.Keys(signals)))
}

func killSignal(u *Unit, value string) (err error) {
	u.Service.KillSignal, err = ParseSignal(value)
	return err
}

func sendSIGKILL(u *Unit, value string) error {
	kill, err := truth(value)
	u.Service.NeverKill = !kill
	return err
}
