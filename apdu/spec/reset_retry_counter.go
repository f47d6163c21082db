package spec

import "ekrona.example/apdu"

// ResetRetryCounter unblocks the PIN by the PUK.
var ResetRetryCounter = command(Command{
	Name: "RESET RETRY COUNTER", CLA: apdu.ClassInterindustry, INS: 0x2C,
	Class:         "ResetRetryCounter",
	Clause:        "ISO/IEC 7816-4:2013 §11.5.10",
	Purpose:       "Set a new PIN by the PUK, with all its tries.",
	States:        activated,
	Preconditions: Verify.Preconditions,
	Effect: "The PUK's try is taken first, as in VERIFY; then old or new PIN stands, " +
		"never neither. The PIN does not count as verified, and the card is paired no " +
		"longer.",
	Answers: pinAnswers,
	Variants: []Variant{
		{Name: "plaintext", P2: p2Plaintext,
			In: []Field{pinBlock("PUK", "PIN block of the PUK"),
				pinBlock("NEW_PIN", "PIN block of the new PIN")}},
		{Name: "enciphered", P2: p2Enciphered, In: EncipheredPINs},
	},
})
