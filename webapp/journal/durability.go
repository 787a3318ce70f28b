package journal

import "fmt"

// Durability says what an acknowledged record survives. The zero value is the default of
// the house.
type Durability uint8

const (
	// Crash survives the death of the process, kill -9 included. Power loss takes at most
	// the last Options.SyncInterval.
	Crash Durability = iota
	// Power survives power loss too: Wait returns after a group fdatasync.
	Power
	// None keeps the records in memory of the process: nothing survives it.
	None
)

// ParseDurability reads the form that String writes.
func ParseDurability(text string) (Durability, error) {
	for d := Crash; d <= None; d++ {
		if text == d.String() {
			return d, nil
		}
	}
	return Crash, fmt.Errorf("durability %q is none of crash, power, none", text)
}

func (d Durability) String() string {
	switch d {
	case Crash:
		return "crash"
	case Power:
		return "power"
	case None:
		return "none"
	}
	return fmt.Sprintf("durability(%d)", uint8(d))
}
