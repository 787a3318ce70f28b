package client

import (
	"errors"

	"golang.org/x/sys/unix"

	"isuride/bench/client/answer"
	"isuride/bench/client/h1"
	"isuride/bench/world"
)

// errContent is a static file with another content than listed.
var errContent = errors.New("content differs from the list")

// failureOf explains an error of an exchange or of what its answer says.
func failureOf(err error) *world.Failure {
	f := &world.Failure{Kind: world.FailureTransport, Detail: err.Error()}
	switch {
	case errors.Is(err, errTimeout):
		f.Kind = world.FailureTimeout
	case isBenchFault(err):
		f.Kind = world.FailureBench
	case errors.Is(err, answer.ErrBad), errors.Is(err, errCoding), errors.Is(err, errCacheControl), errors.Is(err, h1.ErrTooLong):
		f.Kind = world.FailureDecode
	case errors.Is(err, errContent):
		f.Kind = world.FailureContent
	}
	return f
}

// isBenchFault reports whether this machine had no port, descriptor or memory to give
// (B15.3).
func isBenchFault(err error) bool {
	for _, errno := range []unix.Errno{unix.EADDRNOTAVAIL, unix.EADDRINUSE, unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}
