package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
)

// pieceSize is the longest line that is read at once, more than nginx writes. Statements
// come in pieces.
const pieceSize = 64 << 10

// readFile adds a file to the run.
func readFile(l *logKind, r *run, name string, stdin io.Reader) error {
	in := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	}
	plain, err := unzip(in)
	if err != nil {
		return err
	}
	return readLines(plain, l.reader(r, name))
}

// unzip reads through gzip if it is there.
func unzip(in io.Reader) (*bufio.Reader, error) {
	buffered := bufio.NewReaderSize(in, pieceSize)
	if magic, _ := buffered.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) { // errors come again when it is read
		return buffered, nil
	}
	z, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, err
	}
	return bufio.NewReaderSize(z, pieceSize), nil
}

// A lineReader takes a log in pieces, which it must not keep.
type lineReader interface {
	// piece is a line without its end, or a part of a line that is very long; end says
	// that it is the last of its line.
	piece(p []byte, end bool)
	// done comes after the last piece.
	done()
}

func readLines(in *bufio.Reader, to lineReader) error {
	for {
		p, err := in.ReadSlice('\n')
		switch {
		case err == nil:
			to.piece(bytes.TrimSuffix(p[:len(p)-1], []byte{'\r'}), true)
		case errors.Is(err, bufio.ErrBufferFull):
			to.piece(p, false)
		case errors.Is(err, io.EOF):
			if len(p) > 0 {
				to.piece(p, true)
			}
			to.done()
			return nil
		default:
			return err
		}
	}
}
