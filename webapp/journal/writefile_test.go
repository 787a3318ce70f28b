package journal

import (
	"encoding/binary"
	"os"
	"sync"
	"syscall"
)

// writeLog is the journal as it would be with write(2): the same records and the same
// mutex, one system call a record, no segments. It exists to be measured against.
type writeLog struct {
	mu   sync.Mutex
	file *os.File
	buf  []byte
	seq  uint64
}

func (w *writeLog) Append(payload []byte) (uint64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seq++
	w.buf = append(w.buf[:0], make([]byte, wordSize)...)
	w.buf = append(w.buf, payload...)
	binary.NativeEndian.PutUint64(w.buf, commitWord(w.seq, w.buf[wordSize:]))
	for len(w.buf)%wordSize != 0 {
		w.buf = append(w.buf, 0)
	}
	_, err := w.file.Write(w.buf)
	return w.seq, err
}

func (l *writeLog) sync() error { return syscall.Fdatasync(int(l.file.Fd())) }
