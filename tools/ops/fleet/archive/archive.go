// Package archive brings files from a host: a script there prints a compressed tar archive,
// and its files arrive in a folder here.
package archive

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

// Fetch runs the script, with root's rights, and writes the files of its archive into the folder, which it
// makes. Folders of the archive are left out: all files end in the same one.
func Fetch(ctx context.Context, r *remote.Remote, h topology.Host, step, script, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return &remote.Error{Host: h.Name, Step: step, Err: err}
	}
	packed, w := io.Pipe()
	unpacked := make(chan error, 1)
	go func() {
		err := unpack(packed, dir)
		packed.CloseWithError(err) // or the script would wait forever
		unpacked <- err
	}()
	err := r.StreamAsRoot(ctx, h, step, script, w)
	w.CloseWithError(err) // nil is the end of the archive
	if unpackErr := <-unpacked; err == nil && unpackErr != nil {
		err = &remote.Error{Host: h.Name, Step: step, Err: unpackErr}
	}
	return err
}

// unpack reads to the end, also behind that of the archive, so that nobody is left
// writing.
func unpack(packed io.Reader, dir string) error {
	z, err := gzip.NewReader(packed)
	if err != nil {
		return fmt.Errorf("no archive came: %w", err)
	}
	files := tar.NewReader(z)
	for {
		head, err := files.Next()
		if err == io.EOF {
			_, err = io.Copy(io.Discard, z)
			return err
		}
		if err != nil {
			return err
		}
		if head.Typeflag != tar.TypeReg {
			continue
		}
		if err := write(filepath.Join(dir, path.Base(head.Name)), files); err != nil {
			return err
		}
	}
}

func write(name string, from io.Reader) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}
