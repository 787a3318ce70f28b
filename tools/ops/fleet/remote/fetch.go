package remote

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

	"isuride/tools/ops/fleet/topology"
)

// Fetch runs a script with root's rights that prints a compressed tar archive, and writes
// the archive's files into the folder, which it makes. Folders of the archive are left
// out: all files end in the same one.
func (r *Remote) Fetch(ctx context.Context, h topology.Host, step, script, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return &Error{Host: h.Name, Step: step, Err: err}
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
		err = &Error{Host: h.Name, Step: step, Err: unpackErr}
	}
	return err
}

// unpack also reads what comes after the archive's end, so that nobody is left writing.
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
		if err := writeFile(filepath.Join(dir, path.Base(head.Name)), files); err != nil {
			return err
		}
	}
}

func writeFile(name string, from io.Reader) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}
