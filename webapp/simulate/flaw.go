package simulate

// Flaw is a mistake that is made on purpose, to see whether the checks find it. All are made
// in what surrounds the core: a disk that lies, a server that does not wait, a clock that is
// wrong.
type Flaw uint8

// The flaws, and what should find them.
const (
	NoFlaw             Flaw = iota
	SyncSkipped             // the disk says that it has synced: lost after an outage at level power
	VoteForgotten           // the vote is not stored: two leaders in a term
	TermForgotten           // nor the term
	FloorForgotten          // a member in doubt forgets that it is
	DoubtIgnored            // a member that has lost its power votes at once
	CommitEarly             // the watermark is the leader's own disk
	AnswerBeforeCommit      // answers do not wait for the watermark
	DeposedAnswers          // a deposed leader answers what was waiting
	SpeculationKept         // a deposed leader keeps its state
	SpeculationApplied      // a standby applies what is not committed
	TruncateForgotten       // the end of the log stays when another leader overwrites it
	LeaseTooLong            // the leader's clock runs slow
	ReadUnconfirmed         // GETs do not ask whether the server still leads
	DirtyRead               // GETs answer with what is not committed
	ChargeEarly             // the gateway is called before the watermark has passed
	ChargeForgotten         // a new leader does not resume charges
	SecondKey               // each leader charges under keys of its own
	ImageShort              // an image lacks its last event
	RoomUnseen              // a leader whose disk is full goes on, and refuses everything
	SlownessUnseen          // a leader whose disk is slow goes on, and makes everybody wait
	flaws
)

var flawNames = [...]string{"none", "sync skipped", "vote forgotten", "term forgotten", "floor forgotten", "doubt ignored", "commit early", "answer before commit",
	"deposed answers", "speculation kept", "speculation applied", "truncate forgotten", "lease too long", "read unconfirmed", "dirty read", "charge early",
	"charge forgotten", "second key", "image short", "room unseen", "slowness unseen"}

func (f Flaw) String() string { return flawNames[f] }

// Flaws returns all that can be planted.
func Flaws() (all []Flaw) {
	for f := NoFlaw + 1; f < flaws; f++ {
		all = append(all, f)
	}
	return all
}
