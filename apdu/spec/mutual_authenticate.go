package spec

import "ekrona.example/apdu"

// MutualAuthenticate opens secure messaging with the paired phone.
var MutualAuthenticate = command(Command{
	Name: "MUTUAL AUTHENTICATE", CLA: apdu.ClassInterindustry, INS: 0x82,
	Class:  "MutualAuthenticate",
	Clause: "ISO/IEC 7816-4:2013 §11.5.4",
	Purpose: "Prove to each other that phone and card have the pair key, and agree on keys for " +
		"secure messaging from it and both nonces.",
	States: activated,
	Preconditions: []string{
		"The session's nonce, of SELECT or GET CHALLENGE, which it uses up, whatever the outcome.",
		"The card is paired, and MAC is by its pair key: one answer, whichever is wrong.",
	},
	Effect: "Nothing persistent changes. Secure messaging is open until a command comes without " +
		"it or is wrong under it, or the pair key changes, or the session ends.",
	Answers: []Answer{
		{SWConditions, "not activated, or the nonce has been used up: GET CHALLENGE"},
		{SWWrongData, "not the layout"},
		{SWNotPaired, "not paired, or not with the sender"},
	},
	Variants: []Variant{{
		In: []Field{
			field("NONCE", TagNonce, "the phone's nonce"),
			{Name: "MAC", Tag: TagMAC, Min: PINMACLength, Max: PINMACLength,
				Meaning: "proves that the phone has the pair key, in this session"},
		},
		Out: []Field{{Name: "MAC", Tag: TagMAC, Min: PINMACLength, Max: PINMACLength,
			Meaning: "proves that the card has the pair key, in this session"}},
	}},
})
