package main

import "regexp"

// An expectation is an acceptable reason to skip a test.
type expectation struct {
	reason  *regexp.Regexp
	why     string
	missing bool // acceptable only if the tests' programs are not installed
}

// expectations are tried in this order.
var expectations = []expectation{
	{regexp.MustCompile(`the contest's dump`), "the dump is not ours to publish", false},
	{regexp.MustCompile(`race detector|nothing to detect`), "the race detector changes allocations and finds nothing in a single goroutine", false},
	{regexp.MustCompile(`ISURIDE_TEST_MYSQL|of the whole server|of a foreign server|makes an account`), "another database server must not be changed", false},
	{regexp.MustCompile(`only root|namespace|make networks|pseudo terminal|open files|another cipher|no address but|cannot listen on this|/proc`), "a limitation of the machine", false},
	{regexp.MustCompile(`make ui-soak`), "it takes ten minutes", false},
	{regexp.MustCompile(`make picture`), "it makes what the docs show, and checks nothing", false},
	{regexp.MustCompile(`give -folder`), "it makes what another test opens, and checks nothing", false},
	{regexp.MustCompile(`not installed|is missing|is not on this machine|without nginx|without MariaDB|Debian package`), "a program is missing", true},
}

// expected reports whether a test may skip for this reason, and why.
func expected(reason string, installed bool) (why string, ok bool) {
	for _, e := range expectations {
		if e.reason.MatchString(reason) {
			return e.why, !e.missing || !installed
		}
	}
	return "", false
}
