package replica

import (
	"fmt"
	"hash/fnv"
	"net"
	"strings"
)

// Member is a server of the group, as the operator lists it.
type Member struct {
	Name    string
	Address string // host:port of its listener for the other members
	// Witness keeps only the log. It votes, and leads just as long as it takes to hand over.
	Witness bool
}

// IDOf returns the number that a member has in messages. It depends on nothing but the name.
func IDOf(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

// ParseMembers reads a list: name=host:port, separated by commas, a witness with "+witness"
// behind its address. Self is the name of the member that reads it.
func ParseMembers(list, self string) ([]Member, error) {
	var members []Member
	for _, part := range strings.Split(list, ",") {
		m, err := parseMember(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	return members, CheckMembers(members, self)
}

func parseMember(text string) (Member, error) {
	name, address, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return Member{}, fmt.Errorf("replica %q: write it as name=host:port", text)
	}
	address, witness := strings.CutSuffix(address, "+witness")
	if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
		return Member{}, fmt.Errorf("replica %q: %q is no host:port", name, address)
	}
	return Member{Name: name, Address: address, Witness: witness}, nil
}

// CheckMembers refuses a list that is no group.
func CheckMembers(members []Member, self string) error {
	names, addresses, ids := map[string]bool{}, map[string]string{}, map[uint64]string{}
	data := 0
	for _, m := range members {
		if names[m.Name] {
			return fmt.Errorf("replica %q is listed twice: give each server a name of its own", m.Name)
		}
		names[m.Name] = true
		if other, taken := addresses[m.Address]; taken {
			return fmt.Errorf("replicas %q and %q have the same address %s: each server listens at its own", other, m.Name, m.Address)
		}
		addresses[m.Address] = m.Name
		if other, taken := ids[IDOf(m.Name)]; taken || IDOf(m.Name) == 0 {
			return fmt.Errorf("replicas %q and %q cannot be told apart: rename one", other, m.Name)
		}
		ids[IDOf(m.Name)] = m.Name
		if !m.Witness {
			data++
		}
	}
	switch {
	case !names[self]:
		return fmt.Errorf("this server is called %q, which is not among the replicas: add it, or correct its name", self)
	case data == 0:
		return fmt.Errorf("all replicas are witnesses: at least one has to keep the data")
	case len(members)%2 == 0:
		return fmt.Errorf("%d replicas survive no more losses than %d: add a witness, or take one out", len(members), len(members)-1)
	}
	return nil
}
