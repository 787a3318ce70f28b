package client

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"isuride/bench/client/h1"
	"isuride/bench/world"
)

// A Sum is the MD5 of a file.
type Sum [md5.Size]byte

// Static lists the files of a front end and which of them belong to which page (B4.5 and
// B appendix B).
type Static struct {
	Paths  []string // in the order of the list
	Sums   map[string]Sum
	visits map[world.Visit][]string // paths to GET, in order
}

// index is the file that every page of the front end shows.
const index = "/index.html"

// The pages whose content is that of index.
const (
	clientPage = "/client"
	ownerPage  = "/owner"
)

// The sets of files a list may name after a path.
const (
	setClient       = "client"
	setOwner        = "owner"
	setRegistration = "registration"
	setPayment      = "payment"
	setOwnerJoin    = "owner-registration"
)

// officialSets has the beginnings of the base names of the official front end's files, by
// set.
var officialSets = map[string][]string{
	setClient: {"entry.client-", "jsx-runtime-", "index-CjkqmHef.", "index-DuBgU-RG.", "components-", "root-", "favicon-32x32.", "favicon.ico",
		"route-Bj4mUztN.", "colors-", "isuride-", "frame-", "user-context-", "bundle-mjs-", "api-base-url-", "api-components-", "types-",
		"get-cookie-value-", "storage-", "buildings", "house1.", "house2.", "town."},
	setOwner: {"entry.client-", "jsx-runtime-", "index-CjkqmHef.", "index-DuBgU-RG.", "components-", "root-", "favicon-32x32.", "favicon.ico",
		"route-Dk0NXvTW.", "bundle-mjs-", "isuride-", "owner-context-", "api-components-", "types-", "get-cookie-value-"},
	setRegistration: {"route-DXPqsvzr.", "button-", "date-", "form-frame-", "text-", "responses-"},
	setPayment:      {"route-PX4xi694."},
	setOwnerJoin:    {"route-B1npkEI6.", "button-", "form-frame-", "text-"},
}

// ReadStatic reads a list with one file per line: its MD5 in hexadecimal, its path, and
// optionally the sets it belongs to (client, owner, registration, payment,
// owner-registration). If no line names a set, the sets are those of the official front
// end. Empty lines and those that start with # are skipped.
func ReadStatic(r io.Reader) (*Static, error) {
	s := &Static{Sums: map[string]Sum{}}
	sets := map[string][]string{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if err := s.add(fields, sets); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if _, ok := s.Sums[index]; !ok {
		return nil, errors.New("no line for " + index)
	}
	if len(sets) == 0 {
		sets = s.official()
	}
	s.plan(sets)
	return s, nil
}

func (s *Static) add(fields []string, sets map[string][]string) error {
	sum, err := hex.DecodeString(fields[0])
	if err != nil || len(sum) != md5.Size || len(fields) < 2 || !strings.HasPrefix(fields[1], "/") {
		return errors.New("want an MD5 and a path that starts with /")
	}
	path := fields[1]
	if _, ok := s.Sums[path]; ok {
		return fmt.Errorf("%s is listed twice", path)
	}
	s.Sums[path] = Sum(sum)
	s.Paths = append(s.Paths, path)
	for _, set := range fields[2:] {
		if _, ok := officialSets[set]; !ok {
			return fmt.Errorf("unknown set %q", set)
		}
		sets[set] = append(sets[set], path)
	}
	return nil
}

// official sorts the files into the sets by their names.
func (s *Static) official() map[string][]string {
	sets := map[string][]string{}
	for set, beginnings := range officialSets {
		for _, path := range s.Paths {
			base := path[strings.LastIndexByte(path, '/')+1:]
			if slices.ContainsFunc(beginnings, func(b string) bool { return strings.HasPrefix(base, b) }) {
				sets[set] = append(sets[set], path)
			}
		}
	}
	return sets
}

// plan lays down the GETs of each visit and adds the pages to the sums.
func (s *Static) plan(sets map[string][]string) {
	s.Sums[clientPage], s.Sums[ownerPage] = s.Sums[index], s.Sums[index]
	client := append([]string{clientPage}, sets[setClient]...)
	owner := append([]string{ownerPage}, sets[setOwner]...)
	s.visits = map[world.Visit][]string{
		world.VisitUserRegistration:    slices.Concat(client, sets[setRegistration]),
		world.VisitPaymentRegistration: sets[setPayment],
		world.VisitRideRequest:         client,
		world.VisitEvaluation:          client,
		world.VisitOwnerRegistration:   slices.Concat(owner, sets[setOwnerJoin]),
		world.VisitOwnerChairs:         owner,
	}
}

// A known body is one whose sum was worked out before.
type knownBody struct {
	raw []byte // as it came
	sum Sum
}

type knownKey struct {
	target string
	coding h1.Encoding
}

// knownBodies spares decoding and hashing the same file for each of thousands of visits
// (B15.2): what is equal to the last body of that path, byte by byte, has the same sum.
type knownBodies map[knownKey]knownBody

// maxKnown is the longest body that is kept for comparison.
const maxKnown = 8 << 20

func (k knownBodies) sum(d *h1.Decoder, target string, h *h1.Head, raw []byte) (Sum, error) {
	key := knownKey{target, h.Encoding}
	if known, ok := k[key]; ok && bytes.Equal(known.raw, raw) {
		return known.sum, nil
	}
	body, err := d.Decode(raw, h.Encoding, maxBody)
	if err != nil {
		return Sum{}, fmt.Errorf("%w: %w", errCoding, err)
	}
	sum := Sum(md5.Sum(body))
	if len(raw) <= maxKnown {
		k[key] = knownBody{bytes.Clone(raw), sum}
	}
	return sum, nil
}
