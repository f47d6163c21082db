package spec

import "ekrona.example/apdu"

// Select selects the application.
var Select = command(Command{
	Name: "SELECT", CLA: apdu.ClassInterindustry, INS: 0xA4,
	Clause: "ISO/IEC 7816-4:2013 §11.1.1",
	Purpose: "Select the application and learn its state, version, capabilities and the " +
		"session's nonce. Verified PIN, answered Challenge, nonce and kept authorities of the " +
		"session before are forgotten.",
	Effect: "Nothing persistent changes.",
	Variants: []Variant{{
		P1: 0x04, P2: 0x00,
		In: []Field{raw("AID", KindAID, 5, 16,
			"application identifier, whole or its first bytes")},
		Out: []Field{{Name: "FCI", Layout: FCI}},
	}},
})
