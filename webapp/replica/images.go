package replica

import "io"

// Images moves the bytes of snapshots between members.
type Images interface {
	// Open reads the image of a name, of size bytes. It stays readable until closed, even if
	// a newer one takes its place.
	Open(name string) (image io.ReadCloser, size int64, err error)
	// Receive stores an image under a name. It is durable when Receive returns; what an
	// error leaves behind is overwritten by the next.
	Receive(name string, image io.Reader) error
}
