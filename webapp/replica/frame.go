package replica

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"google.golang.org/protobuf/proto"

	"go.etcd.io/raft/v3/raftpb"
)

// A frame is what members say to each other, in little-endian order:
//
//	0  sum of all that follows (CRC-32C)
//	4  format
//	5  kind
//	6  group
//	10 sender
//	18 receiver
//	26 body
//
// The body of a raft frame is the message of the library, whose entries have no content, and
// then the content of each, as its records stand in the log: length, bytes.
const (
	frameFormat = 1
	frameHead   = 26
	// frameLimit bounds what is read from another member. Callers wait for what they have
	// appended, so an entry has as many records as there are callers.
	frameLimit = 256 << 20
)

type frameKind uint8

const (
	frameRaft frameKind = iota + 1
	frameAsk            // what do you know of me? see doubt.go
	frameTell
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errFrame says that bytes are no frame of this version; the connection is of no more use.
var errFrame = errors.New("replica: damaged frame")

type frame struct {
	kind     frameKind
	group    uint32
	from, to uint64
	body     []byte
}

// appendHead begins a frame; sealFrame ends it.
func appendHead(dst []byte, kind frameKind, group uint32, from, to uint64) []byte {
	dst = append(dst, 0, 0, 0, 0, frameFormat, byte(kind))
	dst = binary.LittleEndian.AppendUint32(dst, group)
	dst = binary.LittleEndian.AppendUint64(dst, from)
	return binary.LittleEndian.AppendUint64(dst, to)
}

func sealFrame(b []byte) []byte {
	binary.LittleEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return b
}

func parseFrame(b []byte) (frame, error) {
	if len(b) < frameHead || binary.LittleEndian.Uint32(b) != crc32.Checksum(b[4:], castagnoli) {
		return frame{}, errFrame
	}
	if b[4] != frameFormat {
		return frame{}, fmt.Errorf("replica: a frame of format %d, this server knows %d: let both run the same version", b[4], frameFormat)
	}
	return frame{
		kind:  frameKind(b[5]),
		group: binary.LittleEndian.Uint32(b[6:]),
		from:  binary.LittleEndian.Uint64(b[10:]),
		to:    binary.LittleEndian.Uint64(b[18:]),
		body:  b[frameHead:],
	}, nil
}

// raftBody is the content of a raft frame. Records alias the frame.
type raftBody struct {
	message *raftpb.Message
	records [][]byte // of each entry
}

func parseRaft(body []byte) (raftBody, error) {
	head, rest, ok := cutBytes(body)
	if !ok {
		return raftBody{}, errFrame
	}
	m := &raftpb.Message{}
	if err := proto.Unmarshal(head, m); err != nil {
		return raftBody{}, errFrame
	}
	b := raftBody{message: m}
	for range m.GetEntries() {
		var records []byte
		if records, rest, ok = cutBytes(rest); !ok {
			return raftBody{}, errFrame
		}
		b.records = append(b.records, records)
	}
	return b, nil
}

// cutBytes takes a length and as many bytes.
func cutBytes(b []byte) (head, rest []byte, ok bool) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return nil, nil, false
	}
	b = b[used:]
	return b[:n:n], b[n:], true
}

// appendRaft appends a message without entries' content.
func appendRaft(dst []byte, m *raftpb.Message) ([]byte, error) {
	dst = binary.AppendUvarint(dst, uint64(proto.Size(m)))
	return proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(dst, m)
}

// appendRecords appends the content of an entry: its length takes a fixed number of bytes, since
// it is known afterwards.
func appendRecords(dst []byte, log Log, index uint64) ([]byte, error) {
	at := len(dst)
	dst = append(dst, 0x80, 0x80, 0x80, 0x80, 0) // a padded varint of up to 35 bits
	dst, err := log.AppendRecords(dst, index)
	if err != nil {
		return nil, err
	}
	n := uint64(len(dst) - at - 5)
	for i := range 4 {
		dst[at+i] = byte(n)&0x7f | 0x80
		n >>= 7
	}
	dst[at+4] = byte(n)
	return dst, nil
}

// told is what a member tells another who has asked: where it stands, and what it has seen
// of who asked.
type told struct {
	nonce uint64 // of the question
	term  uint64
	last  Position // of the teller's log
	doubt bool     // the teller neither votes nor counts
	fresh bool     // the teller has nothing

	seenTerm uint64   // the latest term the asker was in
	acked    Position // the last entry that the asker has acknowledged to the teller

	membersAt        uint64 // the entry that has changed the members last, as the teller knows it
	voters, learners []Peer // and who they are
}

func (t told) append(dst []byte) []byte {
	for _, v := range []uint64{t.nonce, t.term, t.last.Index, t.last.Term, t.seenTerm, t.acked.Index, t.acked.Term, t.membersAt} {
		dst = binary.LittleEndian.AppendUint64(dst, v)
	}
	dst = append(dst, flag(t.doubt), flag(t.fresh))
	return appendPeers(appendPeers(dst, t.voters), t.learners)
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func parseTold(b []byte) (t told, err error) {
	if len(b) < 8*8+2 {
		return told{}, errFrame
	}
	for i, v := range []*uint64{&t.nonce, &t.term, &t.last.Index, &t.last.Term, &t.seenTerm, &t.acked.Index, &t.acked.Term, &t.membersAt} {
		*v = binary.LittleEndian.Uint64(b[8*i:])
	}
	t.doubt, t.fresh = b[64] == 1, b[65] == 1
	b, ok := cutPeers(b[66:], &t.voters)
	if ok {
		_, ok = cutPeers(b, &t.learners)
	}
	if !ok {
		return told{}, errFrame
	}
	return t, nil
}
