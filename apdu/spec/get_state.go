package spec

import "ekrona.example/apdu"

// GetState answers a Challenge.
var GetState = command(Command{
	Name: "GET STATE", CLA: apdu.ClassProprietary, INS: 0x18,
	Class:  "GetState",
	Clause: "ours; protocol §5, synchronise",
	Purpose: "Answer a Challenge of the card's own intermediary with the signed State, and open " +
		"READ RECORD, GET DATA and INSTRUCTION until deselect or reset. " +
		"Neither PIN nor block nor expiry stops it.",
	States: activated,
	Preconditions: []string{
		"The Challenge names the session's nonce, which no enciphered PIN has used up.",
		"It names a known instruction key, and its signature verifies.",
		"It names this card.",
	},
	Effect: "Nothing persistent changes.",
	Answers: []Answer{
		{SWConditions, "not activated, or not the session's nonce: ask for a new Challenge"},
		{SWVersion, "another version or algorithm in the Challenge"},
		{SWWrongData, "not the layout"},
		{SWAddressee, "the Challenge is for another card"},
		{SWReferenceUnknown, "instruction key not known: present its certificate and repeat"},
		{SWSignature, "Challenge's signature wrong"},
	},
	Variants: []Variant{{
		In:  []Field{{Name: "CHALLENGE", Layout: Challenge}},
		Out: []Field{{Name: "STATE", Layout: State}},
	}},
})
