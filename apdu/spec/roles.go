package spec

import "fmt"

// Role is the content of 53 in a certificate: what its key may sign.
type Role byte

// The roles.
const (
	RoleRoot           Role = 0x01
	RoleIntermediary   Role = 0x02
	RoleNotary         Role = 0x03
	RoleInstructionKey Role = 0x04
	RoleCrisisKey      Role = 0x05
	RoleCard           Role = 0x10
	RoleSAM            Role = 0x11
	RoleTerminal       Role = 0x12
	RoleDesk           Role = 0x13
	RoleBatch          Role = 0x14
)

// RoleRow describes a role.
type RoleRow struct {
	Role     Role
	Name     string // after ROLE_ in Spec.java
	Text     string
	IssuedBy Role
	Signs    string
}

// Roles lists the roles, in the order of their values.
var Roles = []RoleRow{
	{RoleRoot, "ROOT", "root", RoleRoot,
		"certificates of roots (link), intermediaries, notaries, instruction keys, crisis keys"},
	{RoleIntermediary, "INTERMEDIARY", "intermediary CA", RoleRoot,
		"certificates of devices that carry its own name"},
	{RoleNotary, "NOTARY", "notary", RoleRoot,
		"Instruction and crisis order, the second signature"},
	{RoleInstructionKey, "INSTRUCTION_KEY", "instruction key", RoleRoot,
		"Challenge and Instruction, for devices that carry its own name"},
	{RoleCrisisKey, "CRISIS_KEY", "crisis key", RoleRoot,
		"crisis order, the first signature"},
	{RoleCard, "CARD", "card", RoleIntermediary,
		"Request, Payment, Receipt, Refusal, State, Confirmation"},
	{RoleSAM, "SAM", "SAM card", RoleIntermediary, "as a card; Payment to its own desk only"},
	{RoleTerminal, "TERMINAL", "terminal", RoleIntermediary,
		"Request, Receipt, Refusal, State, Confirmation"},
	{RoleDesk, "DESK", "unload desk", RoleIntermediary,
		"Request that names its payer, Receipt, Refusal"},
	{RoleBatch, "BATCH", "batch key", RoleIntermediary,
		"nothing: what is between a card of the batch and a stranger is enciphered with it"},
}

// Row finds the description of r.
func (r Role) Row() (RoleRow, bool) {
	for _, row := range Roles {
		if row.Role == r {
			return row, true
		}
	}
	return RoleRow{}, false
}

// String names the role.
func (r Role) String() string {
	if row, ok := r.Row(); ok {
		return row.Text
	}
	return fmt.Sprintf("role %02X", byte(r))
}

// IsDevice reports whether the role belongs to a device, or to a batch of them, certified
// by an intermediary, and not to an authority, certified by the root.
func (r Role) IsDevice() bool {
	row, ok := r.Row()
	return ok && row.IssuedBy == RoleIntermediary
}

// CanPay reports whether a key of this role may sign Payments.
func (r Role) CanPay() bool { return r == RoleCard || r == RoleSAM }

// LifeCycle is the applet's life-cycle state, content of CD.
type LifeCycle byte

// The life-cycle states, each reached from the one before; blocked also goes
// back to active, and closed is for ever.
const (
	Installed LifeCycle = 0x01
	KeysMade  LifeCycle = 0x03
	Active    LifeCycle = 0x07
	Blocked   LifeCycle = 0x0F
	Closed    LifeCycle = 0x7F
)

// LifeCycleRow describes a life-cycle state.
type LifeCycleRow struct {
	State   LifeCycle
	Name    string // after LIFE_ in Spec.java
	Text    string
	Meaning string
}

// LifeCycles lists the states, in the order of a card's life.
var LifeCycles = []LifeCycleRow{
	{Installed, "INSTALLED", "installed", "no keys yet"},
	{KeysMade, "KEYS_MADE", "keys made", "waits for certificate, PIN and activation"},
	{Active, "ACTIVE", "active", "pays and is paid"},
	{Blocked, "BLOCKED", "blocked",
		"no REQUEST, no ACCEPT, no new PAY; resend, REFUSE and synchronisation go on"},
	{Closed, "CLOSED", "closed", "as blocked, for ever"},
}

// String names the state.
func (l LifeCycle) String() string {
	for _, row := range LifeCycles {
		if row.State == l {
			return row.Text
		}
	}
	return fmt.Sprintf("state %02X", byte(l))
}

// CreditVerdict is the content of C7: what became of an Instruction's credit.
type CreditVerdict byte

// The verdicts.
const (
	CreditNone     CreditVerdict = 0x00
	CreditTaken    CreditVerdict = 0x01
	CreditNotTaken CreditVerdict = 0x02
)

// CreditVerdictRow describes a verdict.
type CreditVerdictRow struct {
	Verdict CreditVerdict
	Name    string // after CREDIT_ in Spec.java
	Text    string
}

// CreditVerdicts lists the verdicts.
var CreditVerdicts = []CreditVerdictRow{
	{CreditNone, "NONE", "no credit carried"},
	{CreditTaken, "TAKEN", "credit taken"},
	{CreditNotTaken, "NOT_TAKEN", "credit not taken: it no longer fitted"},
}

// String names the verdict.
func (v CreditVerdict) String() string {
	for _, row := range CreditVerdicts {
		if row.Verdict == v {
			return row.Text
		}
	}
	return fmt.Sprintf("credit verdict %02X", byte(v))
}
