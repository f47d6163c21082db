package spec

import "ekrona.example/apdu"

// Instruct applies an Instruction.
var Instruct = command(Command{
	Name: "INSTRUCTION", CLA: apdu.ClassProprietary, INS: 0x1A,
	Class:  "Instruction",
	Clause: "ours; protocol §5, load, instructions, synchronise",
	Purpose: "Apply an Instruction: drop acknowledged records, take a credit, a policy, a date, " +
		"block or unblock. The last one given again " +
		"gives the same Confirmation. Neither PIN nor block nor expiry stops it.",
	States: activated,
	Preconditions: []string{
		"GET STATE was answered in this session.",
		"It is the last one applied: its Confirmation is the answer and nothing else is checked.",
		"It names this card, a known instruction key and a known notary: the stored ones, or " +
			"those of the session, which are then stored.",
		"Both signatures verify.",
		"Its number is exactly the next.",
		"ACKED_ATC is not before the card's and not after its ATC, and HEAD is the chain's head " +
			"there.",
		"Its date is not before the card's and not after the end of either signer's certificate.",
		"Policy: version not lower than the card's; when higher, under the ceilings. Not block " +
			"and unblock together.",
	},
	Effect: "All of it in one transaction before a byte goes out; a credit that no longer fits " +
		"maximum balance and open requests is left " +
		"out and the Confirmation says so. A closed card takes no credit and stays closed.",
	Answers: []Answer{
		{SWConditions, "not activated, or GET STATE not answered in this session"},
		{SWVersion, "another version or algorithm in it"},
		{SWWrongData, "not the layout, unknown action bits, or block and unblock together"},
		{SWAddressee, "for another card"},
		{SWReferenceUnknown, "instruction key or notary not known: present its certificate " +
			"and repeat"},
		{SWSignature, "a signature is wrong"},
		{SWSequence, "not the next number"},
		{SWHead, "acknowledged number or head does not fit the chain"},
		{SWDate, "date before the card's or after a signer's end"},
		{SWPolicy, "version lower than the card's, or above the ceilings"},
	},
	Variants: []Variant{{
		In:  []Field{{Name: "INSTRUCTION", Layout: Instruction}},
		Out: []Field{{Name: "CONFIRMATION", Layout: Confirmation}},
	}},
})
