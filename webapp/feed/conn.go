package feed

// Feed serves any number of connections. While there is none it does nothing.
type Feed struct {
	opt Options
}

// New returns a feed.
func New(o Options) *Feed { return &Feed{opt: o} }

// Open returns a connection. wake is called, from any goroutine and with locks held, when
// Next may have something after it had nothing; it must not block and not call the feed.
// Too many connections are told so in the first message, which ends the connection.
func (f *Feed) Open(wake func()) *Conn { panic("not built yet") }

// Close tells all connections that the server stops.
func (f *Feed) Close() {}

// Conn is one reader's connection, with any number of subscriptions. Next belongs to one
// goroutine; the other methods may be called from any.
type Conn struct{}

// Subscribe begins a subscription. A refusal comes as a frame, and the connection stays.
func (c *Conn) Subscribe(r Request) {}

// Unsubscribe ends the subscription of that name; its last frame says so.
func (c *Conn) Unsubscribe(name string) {}

// Checksum asks for the checksum of a table of a subscription, which comes as a frame.
func (c *Conn) Checksum(name, table string) {}

// Refuse sends a refusal of the transport's own.
func (c *Conn) Refuse(e *Error) {}

// Next returns the next message, or false if there is none yet. It never blocks.
func (c *Conn) Next() (m Message, ok bool) { return m, false }

// Close ends the connection.
func (c *Conn) Close() {}
