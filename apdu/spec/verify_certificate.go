package spec

import "ekrona.example/apdu"

// VerifyCertificate presents an authority's certificate, whose key the card then knows.
var VerifyCertificate = command(Command{
	Name: "PSO VERIFY CERTIFICATE", CLA: apdu.ClassInterindustry, INS: 0x2A,
	Class:  "VerifyCertificate",
	Clause: "ISO/IEC 7816-8, PERFORM SECURITY OPERATION",
	Purpose: "Present an authority's certificate: the root itself, first of all; then " +
		"intermediary CA, notary, instruction key of the own intermediary, crisis key, and a " +
		"link to the next root.",
	Preconditions: []string{
		"While no root is stored: a self-signed root certificate whose body hashes to " +
			"ROOT_ANCHOR.",
		"Afterwards: certified by a root that the card knows; a link by the current root only, " +
			"to a later number and no earlier end.",
		"The signature, then the role, then the dates: not expired by the card's date; a root " +
			"keeps its own certificate's end.",
		"A known reference comes with the key that it is known with. One that is known for as " +
			"long is answered 9000, and nothing changes.",
		"Notary and instruction key: certified by the current root; after activation ending no " +
			"earlier than the stored one.",
		"Crisis key, when one is stored: certified by a later root than that, or by the same " +
			"root and ending later.",
	},
	Effect: "Before activation the key is stored. Afterwards only a link and a crisis key are; " +
		"CA, notary and instruction key are kept for the session, AUTHORITIES_KEPT in turn. PAY, " +
		"ACCEPT and PUT DATA store the CA that verified for them, CA_CACHE in turn (the own CA " +
		"stays); INSTRUCTION stores its notary and instruction key. A link ends what the session " +
		"has kept. A newer crisis key drops the crisis order that the card holds. One " +
		"transaction.",
	Answers: []Answer{
		{SWWrongData, "not a certificate of the layout, or its point is not on the curve"},
		{SWReferenceUnknown, "certified by a root that the card does not know, or the first root " +
			"does not fit the anchor; notary or instruction key certified by the previous root; " +
			"crisis key certified by an older root than the stored one"},
		{SWCertificate, "signature wrong"},
		{SWExpired, "expired by the card's date"},
		{SWRole, "role not root, intermediary, notary, instruction key or crisis key; an " +
			"instruction key of another name; a link from the previous root, or not to a later " +
			"number"},
		{SWDate, "root, notary or instruction key that ends before the stored one; crisis key " +
			"that does not end after it"},
		{SWKeyKnown, "the reference is known with another key"},
	},
	Variants: []Variant{{P1: 0x00, P2: 0xBE,
		In: []Field{{Name: "CERTIFICATE", Layout: AuthorityCertificate}}}},
})
