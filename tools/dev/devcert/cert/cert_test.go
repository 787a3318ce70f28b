package cert_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"isuride/tools/dev/devcert/cert"
)

const (
	day  = 24 * time.Hour
	year = 365 * day
)

var hosts = []string{"localhost", "127.0.0.1", "::1", "xiv.isucon.net", "*.xiv.isucon.net"}

// now is any time: nothing here reads the clock.
var now = time.Date(2024, 12, 8, 10, 0, 0, 0, time.UTC)

func ensure(t *testing.T, dir string, hosts []string, now time.Time) (made bool) {
	t.Helper()
	made, err := cert.Ensure(dir, hosts, year, now)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func leaf(t *testing.T, dir string) *x509.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, cert.CertFile), filepath.Join(dir, cert.KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf
}

func wantKeyMode(t *testing.T, dir string) {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, cert.KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != fs.FileMode(0o600) {
		t.Errorf("the key has mode %v", info.Mode())
	}
}

func TestMadeCertificateVerifies(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "tls")
	if !ensure(t, dir, hosts, now) {
		t.Fatal("nothing was made")
	}
	wantKeyMode(t, dir)
	c := leaf(t, dir)
	if key, ok := c.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		t.Errorf("the key is a %T", c.PublicKey)
	}
	roots := x509.NewCertPool()
	roots.AddCert(c)
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "xiv.isucon.net", "isuride.xiv.isucon.net"} {
		for _, at := range []time.Time{now, now.Add(year - time.Second)} {
			if _, err := c.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: at}); err != nil {
				t.Errorf("%s at %v: %v", name, at, err)
			}
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("%v left in the directory", entries)
	}
}

func TestValidPairIsKept(t *testing.T) {
	dir := t.TempDir()
	ensure(t, dir, hosts, now)
	first := leaf(t, dir)
	if err := os.Chmod(filepath.Join(dir, cert.KeyFile), 0o644); err != nil {
		t.Fatal(err)
	}
	if ensure(t, dir, hosts[:2], now.Add(year-8*day)) || !leaf(t, dir).Equal(first) {
		t.Error("a valid pair was replaced")
	}
	wantKeyMode(t, dir)
}

func TestUnfitPairIsReplaced(t *testing.T) {
	overwrite := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("rubbish"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	keep := func(*testing.T, string) {}
	for name, test := range map[string]struct {
		damage func(t *testing.T, dir string)
		hosts  []string
		later  time.Duration
	}{
		"about to expire":                 {keep, hosts, year - 6*day},
		"expired":                         {keep, hosts, year + day},
		"new name":                        {keep, append(hosts, "example.test"), 0},
		"new address":                     {keep, append(hosts, "192.0.2.1"), 0},
		"host of the wildcard, not named": {keep, []string{"isuride.xiv.isucon.net"}, 0},
		"certificate damaged":             {overwrite(cert.CertFile), hosts, 0},
		"key damaged":                     {overwrite(cert.KeyFile), hosts, 0},
		"key of another pair": {func(t *testing.T, dir string) {
			other := t.TempDir()
			ensure(t, other, hosts, now)
			if err := os.Rename(filepath.Join(other, cert.KeyFile), filepath.Join(dir, cert.KeyFile)); err != nil {
				t.Fatal(err)
			}
		}, hosts, 0},
		"key missing": {func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, cert.KeyFile)); err != nil {
				t.Fatal(err)
			}
		}, hosts, 0},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ensure(t, dir, hosts, now)
			test.damage(t, dir)
			if !ensure(t, dir, test.hosts, now.Add(test.later)) {
				t.Error("kept")
			}
			if ensure(t, dir, test.hosts, now.Add(test.later)) {
				t.Error("the new pair was replaced as well")
			}
		})
	}
}

// A short validity must not make every call replace the pair.
func TestShortValidityIsKept(t *testing.T) {
	dir := t.TempDir()
	for n, want := range []bool{true, false} {
		made, err := cert.Ensure(dir, hosts, day, now)
		if err != nil || made != want {
			t.Errorf("call %d: made %v, %v", n, made, err)
		}
	}
}

func TestRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := cert.Ensure(dir, []string{"localhost", ""}, year, now); err == nil {
		t.Error("an empty host was accepted")
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := cert.Ensure(file, hosts, year, now); err == nil {
		t.Error("a file was accepted as the directory")
	}
}
