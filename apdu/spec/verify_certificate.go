package spec

import "ekrona/apdu"

// VerifyCertificate presents an authority's certificate, whose key the card remembers.
var VerifyCertificate = command(Command{
	Name: "PSO VERIFY CERTIFICATE", CLA: apdu.ClassInterindustry, INS: 0x2A,
	Clause: "ISO/IEC 7816-8, PERFORM SECURITY OPERATION",
	Purpose: "Present an authority's certificate: the root itself, first of all; then " +
		"intermediary CA, notary, " +
		"instruction key of the own intermediary, and a link to the next root.",
	Preconditions: []string{
		"While no root is stored: a self-signed root certificate whose body hashes to ROOT_ANCHOR.",
		"Afterwards: certified by a root that the card knows; a link by the current root only.",
		"Not expired by the card's date; a root keeps its own certificate's end.",
	},
	Effect: "The key is remembered until others of its role push it out: CA_CACHE CAs in turn " +
		"(the own CA stays), one notary, one instruction key, two roots. One transaction.",
	Answers: []Answer{
		{SWWrongData, "not a certificate of the layout"},
		{SWReferenceUnknown, "certified by a root that the card does not know, or the first root " +
			"does not fit the anchor"},
		{SWCertificate, "signature wrong"},
		{SWExpired, "expired by the card's date"},
		{SWRole, "role not root, intermediary, notary or instruction key; an instruction key of " +
			"another name; a link from the previous root"},
	},
	Variants: []Variant{{P1: 0x00, P2: 0xBE,
		In: []Field{{Name: "CERTIFICATE", Layout: AuthorityCertificate}}}},
})
