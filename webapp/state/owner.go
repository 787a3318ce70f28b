package state

import (
	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/isuride"
	"isuride/webapp/ledger"
)

// Owner operates chairs.
type Owner struct {
	isuride.Owner                // set once
	sales         ledger.Balance // of all chairs
	mark          mark

	mu     lockwatch.Mutex
	chairs []*Chair // guarded by mu; only ever grows
}

// RegisterOwner creates an owner (S4.11).
func (s *Store) RegisterOwner(name string) (*Owner, error) {
	if err := checkText("name", name, nameWidth); err != nil {
		return nil, err
	}
	s.registry.Lock()
	defer s.registry.Unlock()
	if s.ownerNames[foldName(name)] {
		return nil, isuride.Errorf(isuride.Conflict, "name %q is taken", name)
	}
	now := s.opt.Now()
	row := &isuride.Owner{ID: s.ids.next(now), Name: name, AccessToken: newSecret(tokenBytes),
		ChairRegisterToken: newSecret(tokenBytes), CreatedAt: now, UpdatedAt: now}
	d := s.delta()
	d.owner(row)
	if err := s.commit(&isuride.Event{Kind: isuride.OwnerRegistered, Owner: row}, &d); err != nil {
		return nil, err
	}
	return s.addOwnerLocked(row, d.born()), nil
}

func (s *Store) addOwnerLocked(row *isuride.Owner, born mark) *Owner {
	o := &Owner{Owner: *row, mark: born}
	s.ownerNames[foldName(o.Name)] = true
	s.ownersByID.Store(o.ID, o)
	s.ownersByRegister.Store(o.ChairRegisterToken, o)
	s.ownersByToken.Store(o.AccessToken, o)
	return o
}

// Chairs returns all chairs of the owner, in order of registration. The slice is shared:
// read only.
func (o *Owner) Chairs() []*Chair {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.chairs[:len(o.chairs):len(o.chairs)]
}
