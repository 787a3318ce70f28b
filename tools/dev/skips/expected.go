package main

import "regexp"

// An expectation is a reason to skip that is no fault of the test run.
type expectation struct {
	reason  *regexp.Regexp
	why     string
	missing bool // only while what the tests need is not installed
}

// expectations in the order in which they are tried.
var expectations = []expectation{
	{regexp.MustCompile(`the contest's dump`), "the dump is not ours to publish", false},
	{regexp.MustCompile(`race detector|nothing to detect`), "allocations and single goroutines show nothing under it", false},
	{regexp.MustCompile(`ISURIDE_TEST_MYSQL|of the whole server|of a foreign server|makes an account`), "somebody else's database server stays as it is", false},
	{regexp.MustCompile(`only root|namespace|make networks|pseudo terminal|open files|another cipher|no address but|cannot listen on this|/proc`), "a property of the machine", false},
	{regexp.MustCompile(`not installed|is missing|is not on this machine|without nginx|without MariaDB|Debian package`), "a program is missing", true},
}

// expected tells why a test may skip for this reason.
func expected(reason string, installed bool) (why string, ok bool) {
	for _, e := range expectations {
		if e.reason.MatchString(reason) {
			return e.why, !e.missing || !installed
		}
	}
	return "", false
}
