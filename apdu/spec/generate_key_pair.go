package spec

import "ekrona.example/apdu"

// GenerateKeyPair makes the card's two key pairs.
var GenerateKeyPair = command(Command{
	Name: "GENERATE ASYMMETRIC KEY PAIR", CLA: apdu.ClassInterindustry, INS: 0x46,
	Class:  "GenerateKeyPair",
	Clause: "ISO/IEC 7816-8, GENERATE ASYMMETRIC KEY PAIR",
	Purpose: "Make the key that signs and the key that PINs are enciphered to, and prove them " +
		"with the personalization token.",
	States: beforeActivation,
	Effect: "The keys are made once; asked again before activation the same answer comes. A " +
		"power cut leaves no keys or both.",
	Answers:  []Answer{{SWConditions, "activated"}},
	Variants: []Variant{{Out: KeyAnswer}},
})
