package slowlog

import (
	"strings"
	"testing"
)

func fold(pieces ...string) string {
	var f Fingerprint
	for _, p := range pieces {
		f.Write([]byte(p))
	}
	return string(f.Text())
}

func TestFingerprint(t *testing.T) {
	for statement, want := range map[string]string{
		"SELECT 1;": "SELECT ?",
		"SELECT  *\n\tFROM chairs WHERE id = 'a'":        "SELECT * FROM chairs WHERE id = ?",
		"SELECT * FROM t WHERE a IN (1,2,3)":             "SELECT * FROM t WHERE a IN (?+)",
		"SELECT * FROM t WHERE a IN ( 7 )":               "SELECT * FROM t WHERE a IN (?+)",
		"INSERT INTO t (a, b) VALUES (1, 'x')":           "INSERT INTO t (a, b) VALUES (?+)",
		"INSERT INTO t (a,b) VALUES (1,-2),(-3, NULL)":   "INSERT INTO t (a, b) VALUES (?+)",
		"INSERT INTO t VALUES (now(), 1), (now(), 2)":    "INSERT INTO t VALUES (now(), ?)",
		"INSERT INTO t VALUES (1, 2) ON DUPLICATE KEY b": "INSERT INTO t VALUES (?+) ON DUPLICATE KEY b",
		"UPDATE t SET a=a+1, b=-2 WHERE c>=.5":           "UPDATE t SET a=a+?, b=? WHERE c>=.?",
		"UPDATE t SET a = NULL WHERE b IS NULL":          "UPDATE t SET a = NULL WHERE b IS NULL",
		"SELECT `order`.`a b` FROM `order` t1":           "SELECT `order`.`a b` FROM `order` t1",
		`SELECT 'it''s', "a\"b", 'x\\' , c`:              "SELECT ?+, c",
		"SELECT 'a;b' ; DROP":                            "SELECT ?",
		"SELECT _utf8mb4'x', x'0f', N'y', 0x1F, 1e-5":    "SELECT ?+",
		"SELECT /* why */ a -- because\nFROM t # so":     "SELECT a FROM t",
		"SELECT a/b, a-b, a*b FROM t":                    "SELECT a/b, a-b, a*b FROM t",
		"SELECT 5 - -3 , a - 3":                          "SELECT ? - ?, a - ?",
		"SELECT @@version, @a":                           "SELECT @@version, @a",
		"SELECT * FROM t WHERE (a, b) IN ((1, 2),(3,4))": "SELECT * FROM t WHERE (a, b) IN ((?+))",
		"SELECT 'cut off in a stri":                      "SELECT ?",
		"SELECT ((":                                      "SELECT ((",
		"SELECT ))":                                      "SELECT))",
		"":                                               "",
	} {
		if got := fold(statement); got != want {
			t.Errorf("%q is folded to\n%q, want\n%q", statement, got, want)
		}
		if got := fold(strings.Split(statement, "")...); got != want {
			t.Errorf("%q, byte by byte, is folded to\n%q, want\n%q", statement, got, want)
		}
	}
}

// TestBatch folds what the write-behind sends: megabytes in one statement.
func TestBatch(t *testing.T) {
	row := ",('01JDFEDF00B09BNMV8MP0RB34G',-12,34,'2026-11-21 06:00:00.123456',NULL)"
	batch := "INSERT INTO chair_locations (id, latitude, longitude, created_at, x) VALUES " + strings.Repeat(row, 50_000)[1:] +
		" ON DUPLICATE KEY UPDATE latitude = VALUES(latitude)"
	want := "INSERT INTO chair_locations (id, latitude, longitude, created_at, x) VALUES (?+) ON DUPLICATE KEY UPDATE latitude = VALUES(latitude)"
	if got := fold(batch); got != want {
		t.Errorf("folded to %q", got)
	}
}

func TestFingerprintIsBounded(t *testing.T) {
	for name, statement := range map[string]string{
		"names":       "SELECT " + strings.Repeat("a,", 10_000),
		"parentheses": strings.Repeat("(", 10_000) + strings.Repeat(")", 10_000),
		"a name":      strings.Repeat("a", 10_000),
		"at the edge": strings.Repeat("f(a), ", maxText/6-1) + strings.Repeat("(1,2),", 20) + ")))",
	} {
		if got := fold(statement); len(got) > maxText+3 {
			t.Errorf("%s: %d bytes", name, len(got))
		}
	}
}

func FuzzFingerprint(f *testing.F) {
	f.Add("INSERT INTO t (a,b) VALUES (1,-2),(-3, NULL) -- c", 3)
	f.Add("SELECT 'it''s', \"a\\\"b\", x'0f', `a` /* c */ # d\n, 1e-5;", 20)
	f.Fuzz(func(t *testing.T, statement string, cut int) {
		whole := fold(statement)
		if len(whole) > maxText+3 {
			t.Errorf("%d bytes are left", len(whole))
		}
		if cut >= 0 && cut <= len(statement) {
			if pieces := fold(statement[:cut], statement[cut:]); pieces != whole {
				t.Errorf("in pieces %q, whole %q", pieces, whole)
			}
		}
	})
}

func BenchmarkFingerprint(b *testing.B) {
	statement := []byte("INSERT INTO t (a, b) VALUES " + strings.Repeat("('01JDFEDF00B09BNMV8MP0RB34G',-12),", 1000))
	b.SetBytes(int64(len(statement)))
	b.ReportAllocs()
	var f Fingerprint
	for b.Loop() {
		f.Reset()
		f.Write(statement)
		f.Text()
	}
}
