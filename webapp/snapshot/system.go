package snapshot

import "os"

// system is the part of the operating system that a test makes fail, or end, at any step.
type system struct {
	create  func(path string) (*os.File, error)
	write   func(f *os.File, b []byte, at int64) error
	sync    func(f *os.File) error
	rename  func(from, to string) error
	syncDir func(path string) error
	remove  func(path string) error
}

func linux() system {
	return system{
		create: func(path string) (*os.File, error) {
			return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600) // it holds sessions and payment tokens
		},
		write: func(f *os.File, b []byte, at int64) error {
			_, err := f.WriteAt(b, at)
			return err
		},
		sync:    (*os.File).Sync,
		rename:  os.Rename,
		syncDir: syncDir,
		remove:  os.Remove,
	}
}

// syncDir makes the names in a folder durable.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
