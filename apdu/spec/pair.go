package spec

import "ekrona.example/apdu"

// Pair pairs the card with its owner's phone.
var Pair = command(Command{
	Name: "PAIR", CLA: apdu.ClassProprietary, INS: 0x1E,
	Class:  "Pair",
	Clause: "ours; protocol §5, pairing",
	Purpose: "Pair the card with its owner's phone, once, by the PIN. Both derive the pair key " +
		"from POINT and the card's PIN key; the phone that was paired before is paired no " +
		"longer. The same POINT again gives the same key, so that a phone that got no answer " +
		"repeats PAIR with the point that it has stored.",
	States: activated,
	Preconditions: []string{
		"The session's nonce, of SELECT or GET CHALLENGE, which it uses up.",
		"A try is left; the PIN is right, as by VERIFY enciphered.",
	},
	Effect: "The pair key is stored in one write before a byte goes out: a power cut leaves the " +
		"former key or the new one, and costs at most a try. The PIN does not count as verified.",
	Answers: pinAnswersBut(SWPINForm),
	Variants: []Variant{{
		Purpose: "The MAC's key is hashed with a label of PAIR's own: the data of no other PIN " +
			"command are PAIR's.",
		In: EncipheredPIN,
		Out: []Field{{Name: "MAC", Tag: TagMAC, Min: PINMACLength, Max: PINMACLength,
			Meaning: "proves that the card has stored the key, in this session"}},
	}},
})
