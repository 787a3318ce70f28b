package release

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"isuride/tools/ops/fleet/layout"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

// Copy makes the release complete on the host, without touching what runs. What the host
// has already is not sent.
func (r *Release) Copy(ctx context.Context, rm *remote.Remote, h topology.Host) error {
	items := r.hosts[h.Name]
	var want, sums strings.Builder
	for _, i := range items {
		fmt.Fprintf(&want, "%s %d %s\n", i.sum, i.size, i.path)
		fmt.Fprintf(&sums, "%s  %s\n", i.sum, i.path)
	}
	if rm.DryRun {
		return r.compare(ctx, rm, h, strings.TrimSpace(want.String()))
	}
	list, err := rm.ChangeAsRoot(ctx, h, "begin release "+r.ID, script("stage", "id", r.ID, "want", strings.TrimSpace(want.String())))
	if err != nil {
		return err
	}
	missing := make(map[string]bool)
	for path := range strings.SplitSeq(list, "\n") {
		missing[path] = true
	}
	var send []item
	bytes := int64(0)
	for _, i := range items {
		if missing[i.path] {
			send = append(send, i)
			bytes += i.size
		}
	}
	if len(send) > 0 {
		if err := sendAll(ctx, rm, h, r.ID, send, bytes); err != nil {
			return err
		}
	}
	_, err = rm.ChangeAsRoot(ctx, h, "complete release "+r.ID, script("finish", "id", r.ID, "sums", strings.TrimSpace(sums.String())))
	return err
}

// compare says what would be new on the host.
func (r *Release) compare(ctx context.Context, rm *remote.Remote, h topology.Host, want string) error {
	list, err := rm.LookAsRoot(ctx, h, "compare the release with what runs", script("compare", "want", want))
	if err != nil || list == "" {
		return err
	}
	for path := range strings.SplitSeq(list, "\n") {
		fmt.Fprintf(rm.Out, "%-10s new: %s\n", h.Name, path)
	}
	return nil
}

func sendAll(ctx context.Context, rm *remote.Remote, h topology.Host, id string, items []item, bytes int64) error {
	archive, w := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		err := pack(w, items)
		w.CloseWithError(err)
		packed <- err
	}()
	step := fmt.Sprintf("copy %.1f MB", float64(bytes)/1e6)
	to := `"${ISURIDE_ROOT-}"` + layout.Releases + "/." + id + ".new"
	err := rm.Send(ctx, h, step, remote.AsRoot("tar -xz --no-same-owner -C "+to), archive)
	archive.CloseWithError(errors.New("the copy was broken off"))
	if failed := <-packed; err == nil {
		err = failed
	}
	return err
}

func pack(w io.Writer, items []item) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	for _, i := range items {
		if err := add(t, i); err != nil {
			return fmt.Errorf("pack %s: %w", i.path, err)
		}
	}
	return errors.Join(t.Close(), z.Close())
}

func add(t *tar.Writer, i item) error {
	if err := t.WriteHeader(&tar.Header{Name: i.path, Mode: int64(i.mode), Size: i.size}); err != nil {
		return err
	}
	in, err := i.open()
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(t, in)
	return err
}
