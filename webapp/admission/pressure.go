package admission

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

// pressureFiles say how long something that could run had no processor: of this service alone, where
// it has a control group of its own, or of the machine.
var pressureFiles = []string{"/sys/fs/cgroup/cpu.pressure", "/proc/pressure/cpu"}

// Pressure is the time in which anything had to wait for a processor; false if
// the kernel does not tell. It is for people: it says that somebody waits, not for how
// long, and on a machine that a benchmarker or a database shares somebody always does, so that no
// target for it would be right.
func Pressure() (time.Duration, bool) {
	for _, path := range pressureFiles {
		if text, err := os.ReadFile(path); err == nil {
			return parsePressure(text)
		}
	}
	return 0, false
}

// parsePressure reads the total of the line "some".
func parsePressure(text []byte) (time.Duration, bool) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	_, total, found := bytes.Cut(line, []byte(" total="))
	us, err := strconv.ParseInt(string(total), 10, 64)
	return time.Duration(us) * time.Microsecond, found && err == nil && bytes.HasPrefix(line, []byte("some "))
}
