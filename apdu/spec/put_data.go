package spec

import "ekrona.example/apdu"

// PutData stores the card's own certificate, its batch key with the certificate of that,
// and its first PIN, with which come its group and the lowest number of a crisis order.
var PutData = command(Command{
	Name: "PUT DATA", CLA: apdu.ClassInterindustry, INS: 0xDA,
	Class:  "PutData",
	Clause: "ISO/IEC 7816-4:2013 §11.4.6",
	Purpose: "Store the card's own certificate or that of its batch key, at any time a later " +
		"one, and before activation the batch key, the first PIN and the PUK, group and lowest " +
		"number of a crisis order.",
	Preconditions: []string{
		"The keys are made.",
		"certificate, after activation: the paired phone, PIN verified, or GET STATE answered " +
			"in this session, so that an attacker who holds the card cannot find out whose it is.",
		"certificate: its CA is remembered and carries the card's name, its holder, key and role " +
			"are the card's, or its key is the card's batch key and its role BATCH; " +
			"after activation its last day is later than the stored one's, and a batch's holder " +
			"is the stored one's. Its signature comes last: who got so far may know the " +
			"date floor.",
		"first PIN, batch key: before activation. Another batch key takes the former's place, " +
			"and needs a certificate of its own.",
	},
	Effect: "One transaction: the old object or the new one is there. Of the batch key a cut may " +
		"leave none, and it is stored again.",
	Answers: []Answer{
		{SWConditions, "no keys yet; certificate of a batch: no batch key; first PIN, batch key: " +
			"activated"},
		{SWSecurity, "certificate after activation: PIN or GET STATE needed"},
		{SWWrongData, "not the layout; first PIN: not PIN blocks of 4 to 12 and of 8 digits; " +
			"certificate: not the card's key or id, or not its batch key or batch"},
		{SWReferenceUnknown, "certificate: CA unknown"},
		{SWCertificate, "certificate: signature wrong"},
		{SWExpired, "certificate: it or its CA's has expired by the card's date"},
		{SWRole, "certificate: role is neither the card's nor BATCH, or the CA's name is not the " +
			"card's"},
		{SWDate, "certificate: its last day is not later than the stored one's"},
		{SWMACWrong, "first PIN, batch key: MAC wrong"},
	},
	Variants: []Variant{
		{Name: "certificate", P1: 0x7F, P2: 0x21,
			In: []Field{{Name: "CERTIFICATE", Layout: DeviceCertificate}}},
		{Name: "first PIN", P1: 0x00, P2: byte(TagPINLoad), In: PINLoad},
		{Name: "batch key", P1: 0x00, P2: byte(TagBatchLoad), In: BatchLoad},
	},
})
