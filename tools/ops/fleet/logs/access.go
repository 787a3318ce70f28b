package logs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"isuride/tools/ops/fleet/hostscript"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

// accessLog is Debian's place for the log, with Debian's rotation.
const accessLog = "/var/log/nginx/access.log"

// Access switches the access log of a front by exchanging the lines about it in the
// configuration that is there, so that nothing else of it changes. They are taken from
// the template of that configuration; the next deploy switches the log off again.
func Access(ctx context.Context, r *remote.Remote, h topology.Host, template string, on bool) error {
	const config = "/etc/nginx/nginx.conf"
	step := "switch the access log " + onOff(on)
	lines, err := accessLines(template)
	if err != nil {
		return err
	}
	old, err := r.LookAsRoot(ctx, h, step, "cat "+config)
	if err != nil {
		return err
	}
	changed, err := lines.exchange(old+"\n", on)
	if err != nil {
		return &remote.Error{Host: h.Name, Step: step, Err: fmt.Errorf("%s %w", config, err)}
	}
	if changed == old+"\n" {
		return nil
	}
	_, err = r.ChangeAsRoot(ctx, h, step, hostscript.For(h, scripts, "access", "config", config, "text", changed))
	return err
}

// blocks are the lines about the access log, as they are in a rendered configuration.
type blocks struct{ on, off string }

// accessLines finds the blocks in the template, see scripts/nginx.sh.
func accessLines(template string) (blocks, error) {
	text, err := os.ReadFile(template)
	if err != nil {
		return blocks{}, err
	}
	var b blocks
	part := (*string)(nil)
	for line := range strings.Lines(string(text)) {
		switch strings.TrimSpace(line) {
		case "# if NGINX_ACCESS_LOG":
			part = &b.on
		case "# else":
			if part == &b.on {
				part = &b.off
			}
		case "# end":
			part = nil
		default:
			if part != nil {
				*part += strings.ReplaceAll(line, "${NGINX_ACCESS_LOG}", accessLog)
			}
		}
	}
	if b.on == "" || b.off == "" {
		return b, fmt.Errorf("%s does not say how the access log is switched", template)
	}
	return b, nil
}

func (b blocks) exchange(config string, on bool) (string, error) {
	is, want := b.on, b.off
	if on {
		is, want = b.off, b.on
	}
	switch {
	case strings.Contains(config, want):
		return config, nil
	case strings.Count(config, is) == 1:
		return strings.Replace(config, is, want, 1), nil
	}
	return "", errors.New("is not as this checkout makes it; deploy first")
}
