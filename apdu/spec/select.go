package spec

import "ekrona.example/apdu"

// Parameters of SELECT (ISO/IEC 7816-4:2013 tables 62 and 63).
const (
	p1ByName       = 0x04
	p2Next         = 0x02 // not the first application of that name, but the next
	p2NoFileOption = 0x0C // no answer
)

// Select selects the application.
var Select = command(Command{
	Name: "SELECT", CLA: apdu.ClassInterindustry, INS: 0xA4,
	Class:  "Select",
	Clause: "ISO/IEC 7816-4:2013 §11.1.1",
	Purpose: "Select the application and learn its state, version, capabilities and the " +
		"session's nonce. Verified PIN, answered Challenge, nonce and kept authorities of the " +
		"session before are forgotten.",
	Preconditions: []string{
		"P1 and P2 are in a row. The card finds the application before it asks the application: " +
			"with other parameters a session may have begun all the same.",
		"The name is of an application that the card has. Otherwise the application that was " +
			"selected stays so, and its session goes on.",
	},
	Effect: "Nothing persistent changes.",
	Answers: []Answer{
		{SWFileNotFound, "no application of the card, or no further one, has a name that begins so"},
	},
	Variants: []Variant{
		{P1: p1ByName, In: applicationName, Out: fileControl},
		{Name: "without answer", P1: p1ByName, P2: p2NoFileOption, In: applicationName,
			Purpose: "As above; who wants the answer selects again."},
		{Name: "next", P1: p1ByName, P2: p2Next, In: applicationName, Out: fileControl,
			Purpose: "The next application whose name begins so, on a card that can (JCRE 3.0.4 " +
				"§4.5.2); on another the application that is selected answers, 6A82."},
		{Name: "next without answer", P1: p1ByName, P2: p2Next | p2NoFileOption,
			In: applicationName, Purpose: "As both."},
	},
})

var (
	applicationName = []Field{raw("AID", KindAID, 1, MaxAID,
		"application identifier, whole or its first bytes")}
	fileControl = []Field{{Name: "FCI", Layout: FCI}}
)
