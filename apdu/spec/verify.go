package spec

import "ekrona.example/apdu"

// Verify presents the PIN.
var Verify = command(Command{
	Name: "VERIFY", CLA: apdu.ClassInterindustry, INS: 0x20,
	Class:   "Verify",
	Clause:  "ISO/IEC 7816-4:2013 §11.5.6; EMV 4.4 book 3 §6.5.12",
	Purpose: "Present the PIN. It serves one debit: the next new PAY uses it up.",
	States:  activated,
	Preconditions: []string{
		"Plaintext only when the policy's PLAINTEXT_PIN is set, and contactless only when its " +
			"PLAINTEXT_CONTACTLESS is set too.",
		"Enciphered only with the session's nonce, of SELECT or GET CHALLENGE, which it uses up.",
		"A try is left.",
	},
	Effect: "The try is taken before the comparison, outside the transaction; a right PIN gives " +
		"all tries back. A power cut costs at most one try.",
	Answers: pinAnswers,
	Variants: []Variant{
		{Name: "plaintext", P2: p2Plaintext,
			NoData: "asks: 9000 when verified, 63Cx or 6983 otherwise; no try is taken",
			In:     []Field{pinBlock("PIN", "PIN block")}},
		{Name: "enciphered", P2: p2Enciphered, NoData: "asks, as above",
			In: EncipheredPIN},
	},
})
