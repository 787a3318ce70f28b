package sqlstore_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"isuride/webapp/sqlstore"
)

// city is the smallest data set.
const city = `INSERT INTO owners VALUES ('o','Owner','t1','c1','2024-11-26 00:00:00','2024-11-26 00:00:00');
INSERT INTO users VALUES ('u','user','A','B','2000-01-01','t2','i','2024-11-26 00:00:00','2024-11-26 00:00:00');
INSERT INTO chairs VALUES ('c','o','Chair','SitEase',1,'t3','2024-11-26 00:00:00','2024-11-26 00:00:00');
`

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func wide(text string) string {
	b := []byte{0xff, 0xfe}
	for _, c := range utf16.Encode([]rune(text)) {
		b = append(b, byte(c), byte(c>>8))
	}
	return string(b)
}

// TestNoDump: what is often found in the place of a dump is refused by name, compressed
// or not.
func TestNoDump(t *testing.T) {
	pointer := "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
	ride := "INSERT INTO rides VALUES ('r','u','c',1,2,3,4,5,'2024-11-26 00:00:00','2024-11-26 00:00:00');\n"
	status := "INSERT INTO ride_statuses VALUES ('s','r','COMPLETED','2024-11-26 00:00:00',NULL,NULL);\n"
	for _, c := range []struct{ content, want string }{
		{"", "is empty"},
		{zipped(t, ""), "is empty"},
		{" \r\n\n", "white space"},
		{"<!doctype html><title>404</title>", "web page"},
		{"\xef\xbb\xbf\n<html>", "web page"},
		{zipped(t, "<?xml version='1.0'?>"), "web page or XML"},
		{pointer, "is a Git LFS pointer, not the file itself: run git lfs pull"},
		{zipped(t, pointer), "Git LFS pointer"},
		{zipped(t, zipped(t, city)), "compressed twice"},
		{zipped(t, city) + "garbage", "damaged or cut off"},
		{zipped(t, city)[:60], "damaged or cut off"},
		{"\xfd7zXZ\x00...", "xz -d"}, {"\x28\xb5\x2f\xfd...", "zstd -d"}, {"BZh91AY", "bzip2 -d"}, {"PK\x03\x04...", "zip archive"},
		{"SQLite format 3\x00...", "SQLite database"},
		{"\x7fELF\x02\x00\x00", "binary file"},
		{wide(city), "UTF-16"}, {wide(city)[2:], "binary file or UTF-16"},
		{city + "-- caf\xe9\n", "line 4 is not UTF-8"},
		{"Not found", `"Not" is no statement`},
		{"CREATE TABLE users (id INT);\n", "has no rows"},
		{"-- nothing but words", "has no rows"},
		{"INSERT INTO settings VALUES ('a','b');", "no row of table users"},
		{"-- MySQL dump 10.13  Distrib 9.0.1\n" + city, `begins with "-- MySQL dump" but does not end with "-- Dump completed"`},
		{"-- MariaDB dump 10.19\n" + city + "LOCK TABLES `x` WRITE;", "is cut off"},
		{"LOCK TABLES `owners` WRITE;\n" + city, "ends within LOCK TABLES"},
		{city[strings.Index(city, "INSERT INTO users"):], "no row of table owners"},
		{strings.ReplaceAll(city, "'c','o'", "'c','p'"), `table chairs: owner_id "p" does not exist`},
		{city + ride, `the status of "r" does not exist`},
		{city + status, `ride_id "r" does not exist`},
		{city + city, `table owners has two rows "o"`},
		{"INSERT INTO posts VALUES (1);", `table "posts" is none of the ten`},
	} {
		path := filepath.Join(t.TempDir(), "dump")
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := sqlstore.ReadDumpFile(path)
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q:\ngot  %v\nwant %s", c.content, err, c.want)
		}
	}
	if _, err := sqlstore.ReadDumpFile(t.TempDir()); err == nil || !strings.Contains(err.Error(), "a folder") {
		t.Errorf("folder: %v", err)
	}
}

// TestWholeDump: what the other test cuts and spoils is accepted as it should be.
func TestWholeDump(t *testing.T) {
	for _, content := range []string{
		city, zipped(t, city), "\xef\xbb\xbf" + city,
		"-- MySQL dump 10.13\n" + city + "-- Dump completed on 2024-12-08  2:46:37\n",
		"/*M!999999\\- enable the sandbox mode */\n-- MariaDB dump 10.19\n" + city + "-- Dump completed\n",
		"-- isuride: a city without users\nINSERT INTO settings VALUES ('a','b');",
	} {
		path := filepath.Join(t.TempDir(), "dump")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := sqlstore.ReadDumpFile(path); err != nil {
			t.Errorf("%.60q: %v", content, err)
		}
	}
}
