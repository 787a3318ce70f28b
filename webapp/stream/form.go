package stream

import (
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/valyala/fastjson"
)

// form makes messages of frames. Its headers are those of CloudEvents in Kafka's binary mode:
// who does not know the feed can still tell what happened, where, and when, and messages that
// came twice.
type form struct {
	envelope Envelope
	region   []byte
	source   []byte
	types    map[string][]byte // names of types, by table and action
	made     []*kgo.Record
	id, key  []byte
	value    []byte
}

func newForm(o Options) form {
	return form{envelope: o.Envelope, region: []byte(o.Region), source: sourceOf(o.Region), types: map[string][]byte{}}
}

var (
	specVersion = []byte("1.0")
	jsonType    = []byte("application/json")
)

// records returns the messages of a frame, the first row of which has the given number in its
// group. The slice is lent, the messages are not.
func (m *form) records(text []byte, f *frame, row int, partial bool) []*kgo.Record {
	m.made = m.made[:0]
	if m.envelope == DebeziumEnvelope {
		for i, r := range f.rows {
			m.value = m.appendDebezium(m.value[:0], f, r, row+i, partial)
			m.add(f, row+i, partial, m.value)
		}
		return m.made
	}
	m.add(f, row, partial, text)
	return m.made
}

// outgoing is a record with room for its headers: what is made at once is collected at once.
type outgoing struct {
	kgo.Record
	headers [6]kgo.RecordHeader
}

// add makes one message. Reports of positions go by chair, everything else by region: a
// snapshot's positions, too, since it has to stay in order with the rest.
func (m *form) add(f *frame, row int, partial bool, value []byte) {
	topic, key := Events, m.region
	m.id = appendID(m.id[:0], f, row)
	room := len(value) + len(m.id) + len(f.ts)
	if isReport(f, partial) {
		topic, key = Positions, f.rows[0].GetStringBytes("chair_id")
		room += len(key)
	}
	bytes := make([]byte, 0, room)
	keep := func(b []byte) []byte {
		began := len(bytes)
		bytes = append(bytes, b...)
		return bytes[began:len(bytes):len(bytes)]
	}
	r := &outgoing{Record: kgo.Record{Topic: topic, Key: key, Value: keep(value)}}
	if topic == Positions {
		r.Key = keep(key)
	}
	r.headers = [...]kgo.RecordHeader{
		{Key: "ce_specversion", Value: specVersion},
		{Key: "ce_id", Value: keep(m.id)},
		{Key: "ce_source", Value: m.source},
		{Key: "ce_type", Value: m.typeOf(f, partial)},
		{Key: "content-type", Value: jsonType},
		{Key: "ce_time", Value: keep(f.ts)},
	}
	r.Headers = r.headers[:]
	if len(f.ts) == 0 {
		r.Headers = r.headers[:len(r.headers)-1]
	}
	m.made = append(m.made, &r.Record)
}

func isReport(f *frame, partial bool) bool {
	return !partial && string(f.table) == "positions" && string(f.action) == "update" && len(f.rows) == 1
}

// typeOf names what happened, as isuride.rides.update. All rows of a snapshot are partial.
func (m *form) typeOf(f *frame, partial bool) []byte {
	action := f.action
	if partial {
		action = partialAction
	}
	m.key = append(append(append(append(m.key[:0], "isuride."...), f.table...), '.'), action...)
	t, ok := m.types[string(m.key)]
	if !ok {
		t = slices.Clone(m.key)
		m.types[string(t)] = t
	}
	return t
}

var partialAction = []byte("partial")

// operations are Debezium's names of actions.
var operations = map[string]string{"insert": "c", "update": "u", "delete": "d", "partial": "r"}

// appendDebezium appends an event of Debezium's. Rows are whole in every frame of an operator,
// so that after is, too; before is not known.
func (m *form) appendDebezium(dst []byte, f *frame, row *fastjson.Value, number int, partial bool) []byte {
	op := operations[string(f.action)]
	if partial {
		op = operations["partial"]
	}
	millis := microsOf(f.ts) / 1000
	dst = append(dst, `{"before":`...)
	if op == "d" {
		dst = append(row.MarshalTo(dst), `,"after":null`...)
	} else {
		dst = row.MarshalTo(append(dst, `null,"after":`...))
	}
	dst = append(dst, `,"source":{"version":"1","connector":"isuride","name":`...)
	dst = strconv.AppendQuote(dst, string(m.region))
	dst = strconv.AppendInt(append(dst, `,"ts_ms":`...), millis, 10)
	dst = append(append(dst, `,"snapshot":"`...), strconv.FormatBool(partial)...)
	dst = append(append(dst, `","db":"isuride","table":"`...), f.table...)
	dst = strconv.AppendUint(append(dst, `","epoch":`...), f.epoch, 10)
	dst = strconv.AppendUint(append(dst, `,"seq":`...), f.seq, 10)
	dst = strconv.AppendInt(append(dst, `,"row":`...), int64(number), 10)
	dst = append(append(append(dst, `},"op":"`...), op...), `","ts_ms":`...)
	return append(strconv.AppendInt(dst, millis, 10), '}')
}
