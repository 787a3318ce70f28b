package slowlog

import (
	"fmt"
	"strings"
	"testing"
)

// read reads a log in whole lines, and says what it found in lines of its own.
func read(log string) string {
	var r Reader
	var found strings.Builder
	say := func(q Query) {
		fmt.Fprintf(&found, "%d %d %d %d %s\n", q.Time, q.Lock, q.Examined, q.Sent, q.Statement)
	}
	for line := range strings.Lines(log) {
		q, ok, err := r.Line([]byte(strings.TrimRight(line, "\n")), true)
		if ok {
			say(q)
		}
		if err != nil {
			fmt.Fprintf(&found, "error: %v\n", err)
		}
	}
	if q, ok := r.Last(); ok {
		say(q)
	}
	return found.String()
}

const mariaDBHead = `/usr/sbin/mariadbd, Version: 10.11.6-MariaDB-0+deb12u1 (Debian 12). started with:
Tcp port: 0  Unix socket: /run/mysqld/mysqld.sock
Time		    Id Command	Argument
`

const mariaDB = mariaDBHead + `# Time: 261121  6:00:00
# User@Host: isucon[isucon] @ localhost [127.0.0.1]
# Thread_id: 5  Schema: isuride  QC_hit: No
# Query_time: 0.001500  Lock_time: 0.000010  Rows_sent: 2  Rows_examined: 300
# Rows_affected: 0  Bytes_sent: 100
use isuride;
SET timestamp=1795240800;
SELECT id,
  name FROM chairs
WHERE owner_id = '01JDFEDF00B09BNMV8MP0RB34G';
# User@Host: isucon[isucon] @ localhost [127.0.0.1]
# Thread_id: 5  Schema: isuride  QC_hit: No
# Query_time: 0.002000  Lock_time: 0.000000  Rows_sent: 0  Rows_examined: 0
# Rows_affected: 2  Bytes_sent: 11
SET timestamp=1795240801;
INSERT INTO rides (id, fare) VALUES ('a', 1), ('b', 2);
` + mariaDBHead + `# Time: 261121  6:00:01
# User@Host: isucon[isucon] @ localhost [127.0.0.1]
# Thread_id: 5  Schema: isuride  QC_hit: No
# Query_time: 0.000003  Lock_time: 0.000000  Rows_sent: 0  Rows_examined: 0
# Rows_affected: 0  Bytes_sent: 0
# administrator command: Quit;
`

func TestMariaDB(t *testing.T) {
	want := "1500 10 300 2 SELECT id, name FROM chairs WHERE owner_id = ?\n" +
		"2000 0 0 0 INSERT INTO rides (id, fare) VALUES (?+)\n" +
		"3 0 0 0 administrator command: Quit\n"
	if got := read(mariaDB); got != want {
		t.Errorf("read\n%s\nwant\n%s", got, want)
	}
}

const mySQL = `/usr/sbin/mysqld, Version: 8.0.36-0ubuntu0.22.04.1 ((Ubuntu)). started with:
Tcp port: 3306  Unix socket: /var/run/mysqld/mysqld.sock
Time                 Id Command    Argument
# Time: 2026-11-21T06:00:00.123456Z
# User@Host: isucon[isucon] @ localhost []  Id:     8
# Query_time: 12.000345  Lock_time: 0.000002 Rows_sent: 1  Rows_examined: 4
SET timestamp=1795240800;
SELECT COUNT(*) FROM rides WHERE fare > 500;
# Time: 2026-11-21T06:00:01.123456Z
# User@Host: isucon[isucon] @ localhost []  Id:     8
# Query_time: 0.000345  Lock_time: 0.000002 Rows_sent: 0  Rows_examined: 0
SET timestamp=1795240801;
COMMIT;
`

func TestMySQL(t *testing.T) {
	want := "12000345 2 4 1 SELECT COUNT(*) FROM rides WHERE fare > ?\n345 2 0 0 COMMIT\n"
	if got := read(mySQL); got != want {
		t.Errorf("read\n%s\nwant\n%s", got, want)
	}
}

// TestPieces reads statements that are longer than what is read at once.
func TestPieces(t *testing.T) {
	var r Reader
	var got string
	for line := range strings.Lines(mariaDB) {
		line = strings.TrimRight(line, "\n")
		for len(line) > 20 && line[0] != '#' && !strings.Contains(mariaDBHead, line) {
			if _, ok, err := r.Line([]byte(line[:20]), false); ok || err != nil {
				t.Fatalf("%q ends a query, or is wrong: %v", line[:20], err)
			}
			line = line[20:]
		}
		if q, ok, err := r.Line([]byte(line), true); err != nil {
			t.Fatal(err)
		} else if ok {
			got += string(q.Statement) + "\n"
		}
	}
	want := "SELECT id, name FROM chairs WHERE owner_id = ?\nINSERT INTO rides (id, fare) VALUES (?+)\n"
	if got != want {
		t.Errorf("read\n%s\nwant\n%s", got, want)
	}
}

func TestDamage(t *testing.T) {
	for name, c := range map[string]struct{ log, want string }{
		"another log": {"10.0.0.1 GET /\n\n10.0.0.1 GET /\n", strings.Repeat("error: this is no part of a slow query log\n", 2)},
		"a wrong figure": {strings.Replace(mySQL, "12.000345", "12.x", 1),
			"error: a query's figures cannot be read\nerror: this is no part of a slow query log\nerror: this is no part of a slow query log\n345 2 0 0 COMMIT\n"},
		"a statement cut off by a crash": {strings.Replace(mySQL, "fare > 500;", "name = 'abc", 1),
			"12000345 2 4 1 SELECT COUNT(*) FROM rides WHERE name = ?\n345 2 0 0 COMMIT\n"},
		"text between two queries": {strings.Replace(mySQL, "500;\n", "500;\nmore\n", 1),
			"error: this is no part of a slow query log\n12000345 2 4 1 SELECT COUNT(*) FROM rides WHERE fare > ?\n345 2 0 0 COMMIT\n"},
		"a head without a statement": {mySQL[:strings.Index(mySQL, "SET")], ""},
	} {
		if got := read(c.log); got != c.want {
			t.Errorf("%s: read\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(mariaDB))
	f.Add([]byte(mySQL))
	f.Fuzz(func(t *testing.T, log []byte) {
		var r Reader
		check := func(q Query, ok bool) {
			if ok && (len(q.Statement) > maxText+3 || q.Time == none || q.Lock == none || q.Examined == none || q.Sent == none) {
				t.Errorf("found %+v", q)
			}
		}
		for line := range strings.Lines(string(log)) {
			q, ok, _ := r.Line([]byte(line), true)
			check(q, ok)
		}
		check(r.Last())
	})
}
