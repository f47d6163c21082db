package spec

import "ekrona.example/apdu"

// Command is one row of the applet's command table: class and instruction, and a
// variant for each meaning of P1 and P2. Logical channels are refused with every command.
type Command struct {
	Name     string
	CLA, INS byte
	// Class is the applet's class for it, and in snake case the name of its files: here and in
	// applet/client. It is empty for GET RESPONSE, which both have in their framing.
	Class   string
	Clause  string // what it follows
	Purpose string
	// States in which it is carried out; nil means every state.
	States []LifeCycle
	// Preconditions besides the state, each a sentence, in the order in which
	// the card checks them.
	Preconditions []string
	// Effect is what has changed after 9000, and what a power cut leaves.
	Effect string
	// Answers besides 9000 and those of CommonAnswers.
	Answers  []Answer
	Variants []Variant
}

// Variant is one meaning of a command's P1 and P2.
type Variant struct {
	Command *Command
	Name    string // empty when the command has no other
	P1, P2  byte
	// AnyP1 reports that P1 is a number from 1 and the row's P1 only an example.
	AnyP1   bool
	In, Out []Field
	// NoData is the meaning of the variant without data; empty if it is always given
	// with data.
	NoData  string
	Purpose string
}

// Answer is a status word of a command and when it comes.
type Answer struct {
	SW   apdu.StatusWord
	When string
}

// CommonAnswers can come from every command.
var CommonAnswers = []Answer{
	{SWWrongLength, "Lc is not what the table says, or chained data is longer than MAX_COMMAND"},
	{SWChannel, "the class byte names a logical channel"},
	{SWSecureMessaging,
		"the class byte says secure messaging, which is not open, or not for this command"},
	{SWLastChainedExpected, "a chain was started and another command came"},
	{SWChaining, "the command has no data, and its class byte says that more parts follow"},
	{SWParameters, "P1 or P2 is in no row"},
	{SWInstruction, "the instruction is in no row"},
	{SWClass, "the class byte is in no row of the instruction"},
	{SWUnknown, "the card met an error of its own; nothing has changed"},
}

// Title is the variant's full name, such as "VERIFY enciphered".
func (v Variant) Title() string {
	if v.Name == "" {
		return v.Command.Name
	}
	return v.Command.Name + " " + v.Name
}

// MaxOut is the longest response data in bytes.
func (v Variant) MaxOut() int {
	_, longest := SizeOf(v.Out)
	return longest
}

// APDU is the variant's command with its data. Ne is the form of "whatever there is"
// that fits the longest answer in the row.
func (v Variant) APDU(data ...[]byte) apdu.Command {
	c := apdu.Command{CLA: v.Command.CLA, INS: v.Command.INS, P1: v.P1, P2: v.P2}
	for _, part := range data {
		c.Data = append(c.Data, part...)
	}
	switch longest := v.MaxOut(); {
	case longest == 0:
	case longest <= apdu.MaxShortNe:
		c.Ne = apdu.MaxShortNe
	default:
		c.Ne = apdu.MaxExtendedNe
	}
	return c
}

// Only is the variant of a command that has one. For a command with more it is
// the first.
func (c *Command) Only() Variant {
	return c.Variants[0]
}

// Variant finds a variant by its name.
func (c *Command) Variant(name string) (Variant, bool) {
	for _, v := range c.Variants {
		if v.Name == name {
			return v, true
		}
	}
	return Variant{}, false
}

// Find finds the variant that a command header means. The chaining bit is
// ignored.
func Find(cla, ins, p1, p2 byte) (Variant, bool) {
	for _, c := range Commands {
		if c.INS != ins || c.CLA != cla&^apdu.ClassChaining {
			continue
		}
		for _, v := range c.Variants {
			if v.P2 == p2 && (v.P1 == p1 || v.AnyP1 && p1 > 0) {
				return v, true
			}
		}
	}
	return Variant{}, false
}

// FindCommand finds a command by its name.
func FindCommand(name string) (*Command, bool) {
	for _, c := range Commands {
		if c.Name == name {
			return c, true
		}
	}
	return nil, false
}

// command completes a row: each variant knows its command.
func command(c Command) *Command {
	p := &c
	for i := range p.Variants {
		p.Variants[i].Command = p
	}
	return p
}

// raw makes a field without tag and length.
func raw(name string, kind Kind, minimum, maximum int, meaning string) Field {
	return Field{Name: name, Kind: kind, Min: minimum, Max: maximum, Meaning: meaning}
}

// Sets of states.
var (
	beforeActivation = []LifeCycle{Installed, KeysMade}
	onlyKeysMade     = []LifeCycle{KeysMade}
	onlyActive       = []LifeCycle{Active}
	activated        = []LifeCycle{Active, Blocked, Closed}
)

// Commands lists the applet's commands: first what every application has, then
// personalization, then paying, then synchronising.
var Commands = []*Command{
	Select, GetResponse,
	Verify, ChangeReferenceData, ResetRetryCounter, GetChallenge, Pair, MutualAuthenticate,
	VerifyCertificate, GenerateKeyPair, PutData, Activate,
	RequestPayment, Pay, Accept, Refuse, TakeCrisisOrder,
	GetState, ReadRecord, Instruct, GetData,
}
