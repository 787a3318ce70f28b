package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOperatorToken(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	token, path, err := operatorToken(folder, nil)
	if err != nil || len(token) != 64 || path != filepath.Join(folder, operatorFile) {
		t.Fatalf("%q in %s: %v", token, path, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info.Mode(), err)
	}
	if again, _, err := operatorToken(folder, nil); again != token || err != nil {
		t.Errorf("the next start has %q: %v", again, err)
	}
	if other, _, err := operatorToken(filepath.Join(folder, "other"), nil); other == token || err != nil {
		t.Errorf("another server has %q, too: %v", other, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, _, err := operatorToken(folder, nil); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others can read: %v", err)
	}
	for _, text := range []string{"", "secret", strings.Repeat("0", 63), strings.Repeat("g", 64)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, _, err := operatorToken(folder, nil); err == nil || got != "" || !strings.Contains(err.Error(), path) {
			t.Errorf("%q is taken: %q, %v", text, got, err)
		}
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) != 2 {
		t.Errorf("left over: %v, %v", files, err)
	}
}

// TestOperatorTokenOfAGroup: all members have one, which is not that of another group, and their
// files say so, whatever was in them.
func TestOperatorTokenOfAGroup(t *testing.T) {
	g := &group{secret: "0123456789abcdef"}
	// HKDF-SHA256, as another program computes it. It stays over releases: pages outlive upgrades.
	const want = "d9612bf16230bbe663f9213bc3b45d75a74deb28a675aa04e7909503f1538e9b"
	alone := t.TempDir()
	before, path, err := operatorToken(alone, nil)
	if err != nil || before == want {
		t.Fatalf("%q: %v", before, err)
	}
	for _, folder := range []string{alone, filepath.Join(t.TempDir(), "data")} {
		for range 2 { // its first start as a member, and the next one
			token, path, err := operatorToken(folder, g)
			if text := mustReadText(t, path); err != nil || token != want || text != want+"\n" {
				t.Errorf("a member has %q, and %q in its file: %v", token, text, err)
			}
		}
	}
	if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if token, _, err := operatorToken(alone, g); err != nil || token != want {
		t.Errorf("after damage: %q, %v", token, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if token, _, err := operatorToken(alone, g); err == nil || token != "" || !strings.Contains(err.Error(), "change their secret") {
		t.Errorf("a file that others can read: %q, %v", token, err)
	}
	if other := (&group{secret: "0123456789abcdeg"}).operatorToken(); other == want || len(other) != len(want) {
		t.Errorf("another group has %q", other)
	}
}

func mustReadText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
