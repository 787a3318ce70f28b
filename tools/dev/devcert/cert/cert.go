// Package cert makes and keeps a self-signed certificate for development: ECDSA P-256,
// because its handshake costs the server a fraction of RSA's and the load generator makes
// a full handshake per connection (B13.1).
//
// It is not a certificate authority and not for production. Clients either skip
// verification or trust this one certificate.
package cert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// The files of a pair.
const (
	CertFile = "cert.pem"
	KeyFile  = "key.pem" // mode 0600
)

// margin is the remaining validity below which a certificate is replaced.
const margin = 7 * 24 * time.Hour

// Ensure makes sure that dir has a certificate for the hosts, names or IP addresses, and
// its key. It keeps a pair that fits and lasts; otherwise it makes one that is valid for
// the given time from now on. It reports whether it made one.
func Ensure(dir string, hosts []string, validity time.Duration, now time.Time) (made bool, err error) {
	if check(dir, hosts, now.Add(min(margin, validity/2))) == nil {
		return false, os.Chmod(filepath.Join(dir, KeyFile), 0o600)
	}
	certPEM, keyPEM, err := create(hosts, now, validity)
	if err != nil {
		return false, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return false, err
	}
	// A crash between the two leaves a pair that does not match; the next call replaces
	// it.
	if err := write(filepath.Join(dir, KeyFile), keyPEM, 0o600); err != nil {
		return false, err
	}
	return true, write(filepath.Join(dir, CertFile), certPEM, 0o644)
}

// check returns why the pair in dir is not valid for the hosts until the given time.
func check(dir string, hosts []string, until time.Time) error {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, CertFile), filepath.Join(dir, KeyFile))
	if err != nil {
		return err
	}
	key, ok := pair.Leaf.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return errors.New("not an ECDSA P-256 certificate")
	}
	if pair.Leaf.NotAfter.Before(until) {
		return fmt.Errorf("expires at %v", pair.Leaf.NotAfter)
	}
	return covers(pair.Leaf, hosts)
}

// covers compares names as they are written, so that a wildcard asked for is not
// mistaken for a host.
func covers(leaf *x509.Certificate, hosts []string) error {
	have := make(map[string]bool)
	for _, name := range leaf.DNSNames {
		have[name] = true
	}
	for _, ip := range leaf.IPAddresses {
		have[ip.String()] = true
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			host = ip.String()
		}
		if !have[host] {
			return fmt.Errorf("not for %s", host)
		}
	}
	return nil
}

// create returns a fresh certificate and its key in PEM form.
func create(hosts []string, now time.Time, validity time.Duration) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template, err := newTemplate(hosts, now, validity)
	if err != nil {
		return nil, nil, err
	}
	certDER, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certDER}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), nil
}

func newTemplate(hosts []string, now time.Time, validity time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "ISURIDE development"},
		NotBefore:             now.Add(-time.Hour), // for clients whose clock is a little behind
		NotAfter:              now.Add(validity),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, host := range hosts {
		switch ip := net.ParseIP(host); {
		case ip != nil:
			template.IPAddresses = append(template.IPAddresses, ip)
		case host != "":
			template.DNSNames = append(template.DNSNames, host)
		default:
			return nil, errors.New("a host is empty")
		}
	}
	return template, nil
}

// write replaces a file atomically, so that no reader finds half of it, and with its mode
// from the start, so that the key is never readable for others.
func write(path string, content []byte, mode os.FileMode) error {
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // fails once it has been renamed
	_, err = temp.Write(content)
	if err := errors.Join(err, temp.Chmod(mode), temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
