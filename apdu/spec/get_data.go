package spec

import "ekrona.example/apdu"

// GetData reads one data object.
var GetData = command(Command{
	Name: "GET DATA", CLA: apdu.ClassInterindustry, INS: 0xCA,
	Class:  "GetData",
	Clause: "ISO/IEC 7816-4:2013 §11.4.3",
	Purpose: "Read one data object of the card, for its owner; its batch's certificate, its " +
		"crisis order and the crisis key's certificate for anybody.",
	States: activated,
	Preconditions: []string{
		"The paired phone, PIN verified, or GET STATE answered in this session; certificate and " +
			"device id also when the policy's PIN_TO_RECEIVE is not set; the batch's certificate " +
			"always: it is the same on all its cards. Crisis order and the crisis key's " +
			"certificate always, while the card is not closed.",
	},
	Effect: "Nothing persistent changes. The PIN is not used up.",
	Answers: []Answer{
		{SWConditions, "not activated"},
		{SWSecurity, "PIN or GET STATE needed"},
		{SWReferenceUnknown, "the card holds no crisis order, knows no crisis key, or is closed"},
	},
	Variants: []Variant{
		{Name: "certificate", P1: 0x7F, P2: 0x21,
			Out: []Field{{Name: "CERTIFICATE", Layout: DeviceCertificate}}},
		{Name: "device", P2: byte(TagDevice),
			Out: []Field{field("DEVICE", TagDevice, "the card's device id")}},
		{Name: "balance", P2: byte(TagBalance), Out: []Field{field("BALANCE", TagBalance, "")}},
		{Name: "policy", P2: byte(TagPolicy),
			Out: []Field{field("POLICY", TagPolicy, "policy in force")}},
		{Name: "counters", P2: byte(TagCounters),
			Out: []Field{{Name: "COUNTERS", Layout: Counters}}},
		{Name: "batch certificate", P2: byte(TagBatchCertificate),
			Out: []Field{{Name: "CERTIFICATE", Layout: DeviceCertificate}}},
		{Name: "crisis order", P2: byte(TagCrisisOrder),
			Out: []Field{{Name: "CRISIS_ORDER", Layout: CrisisOrder}}},
		{Name: "crisis certificate", P2: byte(TagCrisisCertificate),
			Out: []Field{{Name: "CERTIFICATE", Layout: AuthorityCertificate}}},
	},
})
