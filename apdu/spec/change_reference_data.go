package spec

import "ekrona.example/apdu"

// ChangeReferenceData replaces the PIN.
var ChangeReferenceData = command(Command{
	Name: "CHANGE REFERENCE DATA", CLA: apdu.ClassInterindustry, INS: 0x24,
	Class:         "ChangeReferenceData",
	Clause:        "ISO/IEC 7816-4:2013 §11.5.7",
	Purpose:       "Replace the PIN by a new one.",
	States:        activated,
	Preconditions: Verify.Preconditions,
	Effect: "The try is taken first, as in VERIFY; then old or new PIN stands, never " +
		"neither. The PIN does not count as verified, and the card is paired no " +
		"longer.",
	Answers: pinAnswers,
	Variants: []Variant{
		{Name: "plaintext", P2: p2Plaintext,
			In: []Field{pinBlock("OLD_PIN", "PIN block of the present PIN"),
				pinBlock("NEW_PIN", "PIN block of the new PIN")}},
		{Name: "enciphered", P2: p2Enciphered, In: EncipheredPINs},
	},
})
