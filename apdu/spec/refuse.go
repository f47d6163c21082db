package spec

import "ekrona.example/apdu"

// Refuse closes an open Request.
var Refuse = command(Command{
	Name: "REFUSE", CLA: apdu.ClassProprietary, INS: 0x16,
	Class:  "Refuse",
	Clause: "ours; protocol §5, refuse",
	Purpose: "Close an open Request for ever. A refused number given again while its record is " +
		"kept gives the same Refusal. A blocked or closed " +
		"card refuses too. An accepted Request can no longer be refused.",
	States: activated,
	Preconditions: []string{
		"The paired phone, or PIN verified, when the policy's PIN_TO_RECEIVE is set.",
		"The Request is open, or its Refusal is kept."},
	Effect: "Record and head, and the Request closed, at one moment before a byte " +
		"goes out. A power cut leaves all or nothing.",
	Answers: []Answer{
		{SWConditions, "not activated"},
		{SWSecurity, "PIN needed"},
		{SWWrongData, "not the layout"},
		{SWReferenceUnknown, "no such open Request"},
	},
	Variants: []Variant{{
		In:  []Field{field("NUMBER", TagNumber, "number of the open Request")},
		Out: []Field{{Name: "REFUSAL", Layout: Refusal}},
	}},
})
