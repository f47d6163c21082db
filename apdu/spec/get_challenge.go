package spec

import "ekrona/apdu"

// GetChallenge asks the card for a random number.
var GetChallenge = command(Command{
	Name: "GET CHALLENGE", CLA: apdu.ClassInterindustry, INS: 0x84,
	Clause:  "ISO/IEC 7816-4:2013 §11.5.3",
	Purpose: "Get a random number for the next enciphered PIN.",
	Effect:  "Nothing persistent changes. The number is good for the next command only, and once.",
	Variants: []Variant{
		{Out: []Field{raw("RANDOM", KindRandom, ChallengeLength, ChallengeLength,
			"random number")}}},
})
