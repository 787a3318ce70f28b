package doctor

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"isuride/tools/ops/fleet/hostscript"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

// Facts are what a host says about itself, by name; facts.sh has the names. The ones that
// begin with "here." are the reader's.
type Facts map[string]string

//go:embed facts.sh
var scripts embed.FS

// When the reader began to wait for clock.now, and when it came, in seconds since 1970.
const (
	asked    = "here.asked"
	answered = "here.answered"
)

// Gather asks a host.
func Gather(ctx context.Context, r *remote.Remote, h topology.Host) (Facts, error) {
	var out firstWrite
	begin := time.Now()
	err := r.StreamAsRoot(ctx, h, "gather facts", hostscript.For(h, scripts, "facts"), &out)
	if err != nil {
		return nil, err
	}
	f := Facts(maps.Collect(remote.Answers(out.text.String())))
	f[asked], f[answered] = seconds(begin), seconds(out.at)
	return f, nil
}

func seconds(t time.Time) string {
	return strconv.FormatFloat(float64(t.UnixMicro())/1e6, 'f', -1, 64)
}

// firstWrite is a buffer that knows when the first bytes came. It hides the buffer's
// other methods, past which io.Copy would fill it.
type firstWrite struct {
	text bytes.Buffer
	at   time.Time
}

func (w *firstWrite) Write(b []byte) (int, error) {
	if w.at.IsZero() {
		w.at = time.Now()
	}
	return w.text.Write(b)
}

// Write prints facts as they were read, sorted.
func (f Facts) Write(w io.Writer) error {
	for _, key := range slices.Sorted(maps.Keys(f)) {
		if _, err := fmt.Fprintf(w, "%s=%s\n", key, f[key]); err != nil {
			return err
		}
	}
	return nil
}

// Revision is that of the server that runs, or its release if the build did not know.
func (f Facts) Revision() string {
	if r := f["server.revision"]; r != "" && r != "unknown" {
		return r
	}
	if running := f["server.running"]; running != "" {
		return path.Base(path.Dir(running))
	}
	return ""
}

// Durability is the server's, see webapp/docs/durability.md.
func (f Facts) Durability() string { return cmp.Or(f["env.ISURIDE_DURABILITY"], "crash") }

// number is a fact that is one.
func (f Facts) number(key string) (float64, bool) {
	n, err := strconv.ParseFloat(f[key], 64)
	return n, err == nil
}

// under lists the facts whose names begin with a prefix, without it, sorted.
func (f Facts) under(prefix string) []string {
	var names []string
	for _, key := range slices.Sorted(maps.Keys(f)) {
		if name, ok := strings.CutPrefix(key, prefix); ok {
			names = append(names, name)
		}
	}
	return names
}
