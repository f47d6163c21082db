package spec

import "encoding/binary"

// The presets: limits by name. Amounts are in öre.
const (
	PilotMaxBalance      = 3_000_00
	PilotMaxTransactions = 5
	PilotMaxPayment      = 3_000_00
	PilotMaxSpent        = 3_000_00
	PilotFlags           = FlagSpendReceived | FlagPINToReceive | FlagPlaintextPIN

	DefaultMaxBalance      = 4_000_00
	DefaultMaxTransactions = 96
	DefaultMaxPayment      = 4_000_00
	DefaultMaxSpent        = 10_000_00
	DefaultFlags           = PilotFlags

	// Ceilings of a card whose issuer names none: far above its policy, since they are
	// written once. All flags but PLAINTEXT_CONTACTLESS.
	CeilingMaxBalance      = 20_000_00
	CeilingMaxTransactions = 120
	CeilingMaxPayment      = 20_000_00
	CeilingMaxSpent        = 60_000_00
	CeilingFlags           = PilotFlags

	PilotTerminalBalance    = 20_000_00
	PilotTerminalReceipts   = 12
	PilotTerminalPayment    = PilotMaxPayment
	DefaultTerminalBalance  = 1_000_000_00
	DefaultTerminalReceipts = 6_000
	DefaultTerminalPayment  = DefaultMaxPayment
)

// The cards' presets as the content of CB.
var (
	PilotPolicy     = pilot.policy()
	DefaultPolicy   = standard.policy()
	DefaultCeilings = ceilings.policy()
)

// Preset is a row of limits by name.
type Preset struct {
	Name            string
	MaxBalance      int64 // öre
	MaxTransactions int
	MaxPayment      int64 // öre
	MaxSpent        int64 // öre
	Flags           byte
	Meaning         string
}

// The cards' presets.
var (
	pilot = Preset{"pilot", PilotMaxBalance, PilotMaxTransactions, PilotMaxPayment, PilotMaxSpent,
		PilotFlags, "cards as in the Riksbank's pilot"}
	standard = Preset{"default", DefaultMaxBalance, DefaultMaxTransactions, DefaultMaxPayment,
		DefaultMaxSpent, DefaultFlags,
		"cards that carry a week; what a card starts with, lowered to its ceilings"}
	ceilings = Preset{"ceilings", CeilingMaxBalance, CeilingMaxTransactions, CeilingMaxPayment,
		CeilingMaxSpent, CeilingFlags, "ceilings of a card whose issuer names none"}
)

// Presets lists them. A card's policy of version 0 is "default", lowered to its
// ceilings; so it is "pilot" where the ceilings are the pilot's.
var Presets = []Preset{
	pilot, standard, ceilings,
	{"terminal pilot", PilotTerminalBalance, PilotTerminalReceipts, PilotTerminalPayment, 0, 0,
		"terminals as in the pilot: the balance is the sum of its receipts"},
	{"terminal default", DefaultTerminalBalance, DefaultTerminalReceipts, DefaultTerminalPayment,
		0, 0, "terminals that carry a week"},
}

// policy is the content of CB, of version 0.
func (p Preset) policy() string {
	b := make([]byte, CounterLength, PolicyLength)
	b = binary.BigEndian.AppendUint32(b, uint32(p.MaxBalance))
	b = binary.BigEndian.AppendUint16(b, uint16(p.MaxTransactions))
	b = binary.BigEndian.AppendUint32(b, uint32(p.MaxPayment))
	b = binary.BigEndian.AppendUint32(b, uint32(p.MaxSpent))
	return string(append(b, p.Flags))
}
