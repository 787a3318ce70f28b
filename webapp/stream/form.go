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
	key      []byte
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
			m.add(f, row+i, partial, m.debezium(f, r, row+i, partial))
		}
		return m.made
	}
	m.add(f, row, partial, slices.Clone(text))
	return m.made
}

// add makes one message. Reports of positions go by chair, everything else by region: a
// snapshot's positions, too, since it has to stay in order with the rest.
func (m *form) add(f *frame, row int, partial bool, value []byte) {
	r := &kgo.Record{Topic: Events, Key: m.region, Value: value, Headers: m.headers(f, row, partial)}
	if isReport(f, partial) {
		r.Topic, r.Key = Positions, slices.Clone(f.rows[0].GetStringBytes("chair_id"))
	}
	m.made = append(m.made, r)
}

func isReport(f *frame, partial bool) bool {
	return !partial && string(f.table) == "positions" && string(f.action) == "update" && len(f.rows) == 1
}

func (m *form) headers(f *frame, row int, partial bool) []kgo.RecordHeader {
	h := [...]kgo.RecordHeader{
		{Key: "ce_specversion", Value: specVersion},
		{Key: "ce_id", Value: appendID(nil, f, row)},
		{Key: "ce_source", Value: m.source},
		{Key: "ce_type", Value: m.typeOf(f, partial)},
		{Key: "content-type", Value: jsonType},
		{Key: "ce_time", Value: slices.Clone(f.ts)},
	}
	if len(f.ts) == 0 {
		return h[:len(h)-1]
	}
	return h[:]
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

// debezium makes an event of Debezium's. Rows are whole in every frame of an operator, so that
// after is, too; before is not known.
func (m *form) debezium(f *frame, row *fastjson.Value, number int, partial bool) []byte {
	op := operations[string(f.action)]
	if partial {
		op = operations["partial"]
	}
	millis := strconv.AppendInt(nil, microsOf(f.ts)/1000, 10)
	dst := append([]byte(nil), `{"before":`...)
	if op == "d" {
		dst = append(row.MarshalTo(dst), `,"after":null`...)
	} else {
		dst = row.MarshalTo(append(dst, `null,"after":`...))
	}
	dst = append(dst, `,"source":{"version":"1","connector":"isuride","name":`...)
	dst = strconv.AppendQuote(dst, string(m.region))
	dst = append(append(dst, `,"ts_ms":`...), millis...)
	dst = append(append(dst, `,"snapshot":"`...), strconv.FormatBool(partial)...)
	dst = append(append(dst, `","db":"isuride","table":"`...), f.table...)
	dst = strconv.AppendUint(append(dst, `","epoch":`...), f.epoch, 10)
	dst = strconv.AppendUint(append(dst, `,"seq":`...), f.seq, 10)
	dst = strconv.AppendInt(append(dst, `,"row":`...), int64(number), 10)
	dst = append(append(append(dst, `},"op":"`...), op...), `","ts_ms":`...)
	return append(append(dst, millis...), '}')
}
