package stream_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"isuride/tools/dev/freeport"
	"isuride/webapp/servertest"
	"isuride/webapp/stream/servers"
)

// TestFullBroker fills the disk of a broker while a chair reports. The server goes on, the
// stream waits, and once there is room each report is in Kafka, once.
func TestFullBroker(t *testing.T) {
	t.Parallel()
	r := smallBroker(t)
	p := city(t)
	region := "full"
	r.stream(t, p, region).says(t, streaming)
	_, token := p.Owner("owner")
	chair := p.Chair(token, "chair", "リラックス座", servertest.At(0, 0))
	reports := 0
	report := func(n int) {
		for range n {
			reports++
			chair.Report(servertest.At(reports, 1))
		}
	}
	report(100)
	eventually(t, func() error { return same("Kafka", r.ofKafka(t, region), r.ofJournal(t, p)) })
	empty := fill(t, r.dir)
	report(100)
	r.kafka.says(t, "No space left on device")
	report(100)
	empty()
	r.kafka.kill() // it ends by itself when its only disk fails, sooner or later
	if err := r.kafka.start(); err != nil {
		t.Fatal(err)
	}
	report(100)
	want := r.ofJournal(t, p)
	if n := total(want); n != uint64(reports+1) { // the first was at the chair's registration
		t.Errorf("the journal has %d reports; want %d", n, reports+1)
	}
	eventually(t, func() error { return same("Kafka", r.ofKafka(t, region), want) })
}

// smallBroker starts a broker of its own on a disk of 64 MiB.
func smallBroker(t *testing.T) *real {
	needJava(t)
	if err := servers.Fetch(t.Context(), jars); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=64m"); err != nil {
		t.Skipf("only root can make a small disk: %v", err)
	}
	port, err := freeport.Take(2)
	if err != nil {
		t.Fatal(err)
	}
	k := servers.Kafka{Jars: jars, Dir: filepath.Join(dir, "kafka"), Port: port}
	r := &real{dir: dir, broker: k.Address()}
	r.kafka = &program{name: "the broker on a small disk", make: k.Command, ready: r.kafkaReady, env: quickJava}
	t.Cleanup(func() {
		r.kafka.kill()
		tell(t, r.kafka)
		syscall.Unmount(dir, syscall.MNT_DETACH)
	})
	if err := r.kafka.start(); err != nil {
		t.Fatal(err)
	}
	return r
}

// fill takes all room that is left on a disk, and returns what gives it back.
func fill(t *testing.T, dir string) (empty func()) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSuspended has QuestDB no longer bring a table up to date, as it does by itself after a
// full disk. Its rows are accepted meanwhile, and those of others are shown.
func TestSuspended(t *testing.T) {
	t.Parallel()
	r := shared.use(t)
	p := city(t)
	region := "suspended"
	port, err := freeport.Take(1)
	if err != nil {
		t.Fatal(err)
	}
	inside := fmt.Sprintf("127.0.0.1:%d", port)
	sink := r.command(t, "sink", "-kafka", r.broker, "-questdb", r.url, "-internal", inside)
	r.stream(t, p, region)
	token := r.live(t, p, region)
	if _, err := r.ask("ALTER TABLE users SUSPEND WAL"); err != nil {
		t.Fatal(err)
	}
	p.User("user", "")
	p.Chair(token, "chair", "リラックス座", servertest.At(1, 2)) // after the user, and so they are accepted
	r.expect(t, fmt.Sprintf("SELECT latitude, longitude FROM positions WHERE region = '%s' AND action = 'update'", region), "1 2")
	users := fmt.Sprintf("SELECT count() FROM users WHERE region = '%s' AND action = 'insert'", region)
	r.expect(t, users, "0")
	expectMetric(t, inside, "isuride_sink_suspended_tables 1")
	sink.says(t, "tables=users")
	if _, err := r.ask("ALTER TABLE users RESUME WAL"); err != nil {
		t.Fatal(err)
	}
	r.expect(t, users, "1")
	expectMetric(t, inside, "isuride_sink_suspended_tables 0")
}
