package doctor

import (
	"cmp"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
)

// contestName is the name that the contest's clients use.
const contestName = "xiv.isucon.net"

func front(e *examination) {
	test := e.facts["nginx.test"]
	e.demand("nginx configuration", strings.HasSuffix(test, "successful"), Bad, cmp.Or(e.facts["nginx.version"], "no nginx"), cmp.Or(test, "sudo nginx -t says why"))
	e.least("worker_connections", "nginx.worker_connections", float64(e.files("nginx.service")), Bad, "it counts both sides of a connection; nginx/nginx.conf.template has it")
}

// certificates checks those of nginx, or of a server that ends TLS itself.
func certificates(e *examination) {
	files := e.facts.under("certificate.")
	if len(files) == 0 {
		e.add("certificate", Bad, "there is none in use", "fleet setup makes one, and what uses it has to run")
	}
	for _, file := range files {
		cert, err := parseCertificate(e.facts["certificate."+file])
		if err != nil {
			e.add("certificate", Bad, file+": "+err.Error(), "put a certificate in PEM form there, or remove it and run fleet setup")
			continue
		}
		verdict, figure, advice := judgeCertificate(cert, e.Now)
		e.add("certificate", verdict, file+": "+figure, advice)
	}
}

func parseCertificate(encoded string) (*x509.Certificate, error) {
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("has no certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}

func judgeCertificate(c *x509.Certificate, now time.Time) (Verdict, string, string) {
	const (
		soon  = 14 * 24 * time.Hour
		renew = "renew it; fleet setup makes a new one where there is none"
	)
	until := "valid until " + c.NotAfter.UTC().Format(time.DateTime)
	switch {
	case now.Before(c.NotBefore):
		return Bad, "valid only from " + c.NotBefore.UTC().Format(time.DateTime), "compare the clock of this machine with the one that made it"
	case now.After(c.NotAfter):
		return Bad, until, renew
	case now.Add(soon).After(c.NotAfter):
		return Warning, until, renew
	case c.VerifyHostname(contestName) != nil:
		return Warning, until + " for " + strings.Join(c.DNSNames, ", "), "browsers will not take it for " + contestName
	}
	return OK, until, ""
}

// outside judges what Probe has found.
func outside(p Hosts) []Finding {
	if p.Outside == nil {
		return nil
	}
	e := &examination{Hosts: p, host: p.Entrance(), facts: p.Outside}
	if reason := e.facts[unreachable]; reason != "" {
		e.add("from outside", Warning, reason, "nothing was tested from outside; run doctor where port 443 can be reached")
		return e.findings
	}
	if e.facts[inside] != "" {
		e.add("from outside", Warning, e.facts[inside], "nothing was tested from outside: doctor runs on a host itself; run it elsewhere, too")
		return e.findings
	}
	e.demand("old TLS from outside", e.facts[oldTLS] == "refused", Bad, "TLS 1.2 is "+e.facts[oldTLS], "fleet deploy sets up TLS 1.3 only; something else answers there")
	for _, path := range hidden() {
		answer := e.facts["path."+path]
		e.demand(path+" from outside", !strings.HasPrefix(answer, open), Bad, answer, "no stranger must get to it: what a deploy sets up refuses it; something else answers there")
	}
	e.demand("internal listener from outside", e.facts[internalPort] == "closed", Bad, fmt.Sprintf("%s:8081 is %s", p.App().Address, e.facts[internalPort]),
		"set ISURIDE_INTERNAL=127.0.0.1:8081 in /home/isucon/env.sh")
	return e.findings
}
