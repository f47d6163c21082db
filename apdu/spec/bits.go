package spec

// Bits of CC in an Instruction.
const (
	ActionBlock      = 0x01
	ActionUnblock    = 0x02
	ActionResetTries = 0x04
	ActionClose      = 0x08
	ActionUnpair     = 0x10
)

// Bits of the policy's flags.
const (
	FlagSpendReceived = 0x01
	FlagPINToReceive  = 0x02
	FlagPlaintextPIN  = 0x04

	FlagPlaintextContactless = 0x08
)

// Bits of CE in the FCI.
const (
	CapabilityExtendedLength = 0x01
	CapabilityEncipheredPIN  = 0x02
	CapabilityChaining       = 0x04
	CapabilityPairing        = 0x08
)

// BitRow describes one bit of a byte of flags.
type BitRow struct {
	Bit     byte
	Name    string
	Meaning string
}

// Actions are the bits of CC. Block and unblock together are refused.
var Actions = []BitRow{
	{ActionBlock, "BLOCK", "block the card"},
	{ActionUnblock, "UNBLOCK", "unblock the card"},
	{ActionResetTries, "RESET_TRIES", "give PIN and PUK all their tries again"},
	{ActionClose, "CLOSE", "close the card for ever"},
	{ActionUnpair, "UNPAIR", "forget the key of the pair: its phone is paired no longer"},
}

// Flags are the bits of the policy's last byte.
var Flags = []BitRow{
	{FlagSpendReceived, "SPEND_RECEIVED", "received money may be spent before it is synchronised"},
	{FlagPINToReceive, "PIN_TO_RECEIVE",
		"REQUEST, ACCEPT and REFUSE ask for the paired phone or the PIN"},
	{FlagPlaintextPIN, "PLAINTEXT_PIN", "a plaintext PIN is accepted by contact"},
	{FlagPlaintextContactless, "PLAINTEXT_CONTACTLESS",
		"where PLAINTEXT_PIN is set: contactless too, where whoever listens learns the PIN"},
}

// Capabilities are the bits of CE.
var Capabilities = []BitRow{
	{CapabilityExtendedLength, "EXTENDED_LENGTH",
		"the applet takes extended length APDUs where card and reader carry them"},
	{CapabilityEncipheredPIN, "ENCIPHERED_PIN", "P2 = 88 is offered by the PIN commands"},
	{CapabilityChaining, "CHAINING", "command chaining is offered"},
	{CapabilityPairing, "PAIRING", "PAIR and secure messaging with the paired phone are offered"},
}

// Currency is the only currency, SEK, ISO 4217 numeric 752 in BCD.
const Currency = 0x0752

// PolicyLength is the length of CB.
const PolicyLength = CounterLength + CeilingsLength

// CeilingsLength is the length of DD.
const CeilingsLength = 15

// OpenRequestLength is the length of one entry of CA.
const OpenRequestLength = 40

// OrderRowLength is the length of one row of D3.
const OrderRowLength = 29

// Part is a piece of a value that has a fixed layout without tags.
type Part struct {
	Name    string
	Length  int
	Kind    Kind
	Meaning string
}

// PolicyLayout is the layout of CB: a version, which counts all orders of limits that an
// intermediary ever gives, and what CeilingsLayout has.
var PolicyLayout = append([]Part{
	{"VERSION", CounterLength, KindCounter, "version; 0 in the defaults"},
}, CeilingsLayout...)

// CeilingsLayout is the layout of DD. A policy is within the ceilings when no number of it is
// greater and it has none of SPEND_RECEIVED, PLAINTEXT_PIN and PLAINTEXT_CONTACTLESS that they
// lack. PIN_TO_RECEIVE is free.
var CeilingsLayout = []Part{
	{"MAX_BALANCE", 4, KindAmount, "most that the card holds, open requests counted"},
	{"MAX_TRANSACTIONS", 2, KindCounter,
		"most payments made and accepted, open requests counted, since the last acknowledgement; " +
			"a terminal's receipts, up to 65535"},
	{"MAX_PAYMENT", 4, KindAmount, "most that one payment carries"},
	{"MAX_SPENT", 4, KindAmount, "most paid since the last acknowledgement; 0 for a terminal"},
	{"FLAGS", 1, KindFlags, "bits of Flags"},
}

// OpenRequestLayout is the layout of one entry of CA.
var OpenRequestLayout = []Part{
	{"NUMBER", 4, KindCounter, "request number"},
	{"AMOUNT", 4, KindAmount, "amount in öre"},
	{"IDENTITY", 32, KindHash, "identity of the Request"},
}

// OrderRowLayout is the layout of one row of D3. Rows are in strictly ascending order of
// their first 9 bytes, GROUP and NAME, so that the last row that fits a device is the most
// specific one: all, its Name, its group, its group at its Name.
var OrderRowLayout = []Part{
	{"GROUP", 1, KindCounter, "group that the row is for, 0 for any"},
	{"NAME", 8, KindScope, "intermediary whose devices the row is for, zeros for any"},
	{"MAX_BALANCE", 4, KindAmount, "as in POLICY"},
	{"MAX_TRANSACTIONS", 2, KindCounter, "as in POLICY"},
	{"MAX_PAYMENT", 4, KindAmount, "as in POLICY"},
	{"MAX_SPENT", 4, KindAmount, "as in POLICY"},
	{"MAX_RECEIPTS", 2, KindCounter, "of a terminal: receipts between two acknowledgements"},
	{"MAX_RECEIVED", 4, KindAmount, "of a terminal: their sum"},
}
