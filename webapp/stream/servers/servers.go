// Package servers gets and starts the real servers that a stream runs against: Apache Kafka,
// as one node that is broker and controller, and QuestDB. Both are jars of Maven Central, of
// pinned versions and checksums, and need Java 17.
//
// It is for this machine: listeners are on loopback, replication is off, the heaps are small.
// `make stream-up` and the tests use it. Where they run for others is the operator's business,
// and nothing of the stream itself knows this package.
package servers

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ErrNoJava says that there is no Java, or one that is too old.
var ErrNoJava = errors.New("Kafka and QuestDB need Java 17 or later; on Debian, as root: apt-get install openjdk-17-jre-headless")

// leastJava is the oldest Java that both run on.
const leastJava = 17

//go:embed pom.xml
var pom []byte

//go:embed jars.sha256
var sums string

// Java returns the path of the program: that of JAVA_HOME, or the one in PATH.
func Java() (string, error) {
	name := "java"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		name = filepath.Join(home, "bin", "java")
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", ErrNoJava
	}
	said, err := exec.Command(path, "-version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w (%s -version: %v)", ErrNoJava, path, err)
	}
	if v := javaVersion(string(said)); v < leastJava {
		return "", fmt.Errorf("%w (%s is of version %d)", ErrNoJava, path, v)
	}
	return path, nil
}

// javaVersion reads 17 from `openjdk version "17.0.15" 2025-04-15`.
func javaVersion(said string) int {
	_, rest, _ := strings.Cut(said, `version "`)
	digits := strings.TrimLeft(rest, "0123456789")
	n, _ := strconv.Atoi(rest[:len(rest)-len(digits)])
	return n
}

// fetchLimit bounds Maven, whose mirror may not answer.
const fetchLimit = 10 * time.Minute

// Fetch fills the folder with the jars, unless it has them, and checks each. It needs Maven
// only if some are missing, with the machine's own settings. Jars come to their places whole, so that one that
// differs was changed, and is not what an interrupted Fetch has left.
func Fetch(ctx context.Context, folder string) error {
	err := check(folder)
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return err
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return errors.New("the jars of Kafka and QuestDB come by Maven, which is missing; on Debian, as root: apt-get install maven")
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	coming, err := os.MkdirTemp(folder, "coming-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(coming)
	file := filepath.Join(coming, "pom.xml")
	if err := os.WriteFile(file, pom, 0o644); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, mvn, "-B", "-q", "-f", file, "dependency:copy-dependencies", "-DoutputDirectory=.")
	cmd.WaitDelay = time.Second
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("maven: %w: %s", err, bytes.TrimSpace(said))
	}
	if err := check(coming); err != nil {
		return err
	}
	for _, name := range names() {
		if err := os.Rename(filepath.Join(coming, name), filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	return nil
}

// names are the jars.
func names() (list []string) {
	for line := range strings.Lines(sums) {
		if _, name, ok := strings.Cut(strings.TrimSpace(line), "  "); ok {
			list = append(list, name)
		}
	}
	return list
}

// check compares the jars with their sums.
func check(folder string) error {
	for line := range strings.Lines(sums) {
		want, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			continue
		}
		got, err := sumOf(filepath.Join(folder, name))
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("%s is not what it was when its version was pinned (SHA-256 %s, not %s): delete it, and if it comes again, do not trust where it is from", filepath.Join(folder, name), got, want)
		}
	}
	return nil
}

func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Kafka is one broker.
type Kafka struct {
	Jars string // folder
	Dir  string // of its data, which it makes
	Port int    // on loopback; the controller has the next one
}

// Address is where clients connect.
func (k Kafka) Address() string { return "127.0.0.1:" + strconv.Itoa(k.Port) }

// clusterID is any valid one; the data of a folder is bound to it.
const clusterID = "aXN1cmlkZS1zdHJlYW0tMQ"

// kafkaConfig has small buffers, for a small heap, and everything once, since there is one
// broker. After a kill it takes part again once its own last session has ended.
const kafkaConfig = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[3]d
listeners=PLAINTEXT://127.0.0.1:%[2]d,CONTROLLER://127.0.0.1:%[3]d
advertised.listeners=PLAINTEXT://127.0.0.1:%[2]d
controller.listener.names=CONTROLLER
log.dirs=%[1]s/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=16777216
log.retention.bytes=4294967296
`

const kafkaLog = `rootLogger.level=WARN
rootLogger.appenderRefs=out
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %m (%c)%n
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=INFO
`

// Command prepares the folder and returns what runs the broker in the foreground.
func (k Kafka) Command() (*exec.Cmd, error) {
	java, err := Java()
	if err != nil {
		return nil, err
	}
	dir, err := made(k.Dir)
	if err != nil {
		return nil, err
	}
	config, logging := filepath.Join(dir, "server.properties"), filepath.Join(dir, "log4j2.properties")
	err = errors.Join(os.WriteFile(config, fmt.Appendf(nil, kafkaConfig, dir, k.Port, k.Port+1), 0o644),
		os.WriteFile(logging, []byte(kafkaLog), 0o644))
	if err != nil {
		return nil, err
	}
	run := func(args ...string) *exec.Cmd {
		return exec.Command(java, append([]string{"-Xms128m", "-Xmx256m", "-XX:+UseSerialGC", "-Dlog4j2.configurationFile=" + logging,
			"-cp", filepath.Join(k.Jars, "*")}, args...)...)
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "meta.properties")); errors.Is(err, os.ErrNotExist) {
		if said, err := run("kafka.tools.StorageTool", "format", "-t", clusterID, "-c", config).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("format the broker's folder: %w: %s", err, bytes.TrimSpace(said))
		}
	}
	return run("kafka.Kafka", config), nil
}

// QuestDB is one database.
type QuestDB struct {
	Jars string
	Dir  string // its root, which it makes
	Port int    // of HTTP, on loopback
}

// URL is where it answers.
func (q QuestDB) URL() string { return "http://127.0.0.1:" + strconv.Itoa(q.Port) }

// questConfig leaves out the protocols that nobody uses here: rows come by HTTP, which says
// whether it has taken them. Its threads look for work without end, up to 7,000 times in a row
// before they rest for a millisecond; with so few that are there for others, too, they rest
// earlier.
const questConfig = `http.bind.to=127.0.0.1:%d
http.min.enabled=false
pg.enabled=false
line.tcp.enabled=false
line.udp.enabled=false
telemetry.enabled=false
shared.worker.count=2
shared.worker.nap.threshold=100
shared.worker.sleep.threshold=1000
wal.apply.worker.count=1
wal.apply.worker.nap.threshold=100
wal.apply.worker.sleep.threshold=1000
`

// questLog leaves out the lines about each batch of rows, which cost more than taking it.
const questLog = `writers=stdout
w.stdout.class=io.questdb.log.LogConsoleWriter
w.stdout.level=ERROR
`

// Command prepares the folder and returns what runs the database in the foreground.
func (q QuestDB) Command() (*exec.Cmd, error) {
	java, err := Java()
	if err != nil {
		return nil, err
	}
	dir, err := made(filepath.Join(q.Dir, "conf"))
	if err != nil {
		return nil, err
	}
	err = errors.Join(os.WriteFile(filepath.Join(dir, "server.conf"), fmt.Appendf(nil, questConfig, q.Port), 0o644),
		os.WriteFile(filepath.Join(dir, "log.conf"), []byte(questLog), 0o644))
	if err != nil {
		return nil, err
	}
	jars, err := filepath.Glob(filepath.Join(q.Jars, "questdb-*.jar"))
	if err != nil || len(jars) != 1 {
		return nil, errors.Join(err, fmt.Errorf("%s should have one questdb-*.jar, and has %d", q.Jars, len(jars)))
	}
	return exec.Command(java, "-Xmx512m", "-p", jars[0], "-m", "io.questdb/io.questdb.ServerMain", "-d", filepath.Dir(dir), "-n"), nil
}

// made makes a folder and returns its absolute path.
func made(folder string) (string, error) {
	path, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	return path, os.MkdirAll(path, 0o755)
}
