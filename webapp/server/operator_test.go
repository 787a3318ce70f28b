package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOperatorToken(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	token, path, err := operatorToken(folder)
	if err != nil || len(token) != 64 || path != filepath.Join(folder, operatorFile) {
		t.Fatalf("%q in %s: %v", token, path, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info.Mode(), err)
	}
	if again, _, err := operatorToken(folder); again != token || err != nil {
		t.Errorf("the next start has %q: %v", again, err)
	}
	if other, _, err := operatorToken(filepath.Join(folder, "other")); other == token || err != nil {
		t.Errorf("another server has %q, too: %v", other, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, _, err := operatorToken(folder); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others can read: %v", err)
	}
	for _, text := range []string{"", "secret", strings.Repeat("0", 63), strings.Repeat("g", 64)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, _, err := operatorToken(folder); err == nil || got != "" || !strings.Contains(err.Error(), path) {
			t.Errorf("%q is taken: %q, %v", text, got, err)
		}
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) != 2 {
		t.Errorf("left over: %v, %v", files, err)
	}
}
