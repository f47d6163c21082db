package spec

import "ekrona.example/apdu"

// Activate ends personalization.
var Activate = command(Command{
	Name: "ACTIVATE", CLA: apdu.ClassInterindustry, INS: 0x44,
	Class:  "Activate",
	Clause: "ISO/IEC 7816-9, ACTIVATE",
	Purpose: "End personalization: from now on only the PIN and signed Instructions change " +
		"the card.",
	States:        onlyKeysMade,
	Preconditions: []string{"Certificate, first PIN, batch key and its certificate are stored."},
	Effect:        "The card is active and the token erased, in one transaction.",
	Answers: []Answer{{SWConditions,
		"no keys, certificate, PIN or certified batch key yet, or activated before"}},
	Variants: []Variant{{}},
})
