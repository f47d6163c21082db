package spec

import "ekrona.example/apdu"

// TakeCrisisOrder stores a crisis order.
var TakeCrisisOrder = command(Command{
	Name: "CRISIS ORDER", CLA: apdu.ClassProprietary, INS: 0x1C,
	Class:  "CrisisOrder",
	Clause: "ours; protocol §5, crisis order",
	Purpose: "Store a crisis order in place of the one before. While it counts, the card asks " +
		"of each limit the higher of its policy's and of the order's last row that fits it, and " +
		"never more than its ceiling. Counters stay what they are. No PIN.",
	States: activated,
	Preconditions: []string{
		"Not closed.",
		"Number not 0, DATE not after EXPIRY, rows in strictly ascending order.",
		"Its number is above the stored order's, and not below the lowest that the last " +
			"Instruction named (before the first: the first PIN's).",
		"Its crisis key is the stored one; its notary is known, stored or of the session.",
		"EXPIRY is not after the end of either signer's certificate.",
		"Both signatures verify.",
	},
	Effect: "One transaction: the order before is kept, or this one is. The notary's key is not " +
		"stored.",
	Answers: []Answer{
		{SWConditions, "not activated"},
		{SWClosed, "closed"},
		{SWVersion, "another version or algorithm in it"},
		{SWWrongData, "not the layout, number 0, DATE after EXPIRY, or rows not in order"},
		{SWOrderOld, "its number is not above that of SELECT"},
		{SWReferenceUnknown, "crisis key or notary not known: present its certificate and repeat"},
		{SWDate, "EXPIRY is after a signer's end"},
		{SWSignature, "a signature is wrong"},
	},
	Variants: []Variant{{In: []Field{{Name: "CRISIS_ORDER", Layout: CrisisOrder}}}},
})
