package spec

import "ekrona.example/apdu"

// GetResponse fetches what a short APDU could not carry.
var GetResponse = command(Command{
	Name: "GET RESPONSE", CLA: apdu.ClassInterindustry, INS: apdu.InsGetResponse,
	Clause:        "ISO/IEC 7816-4:2013 §11.7.1",
	Purpose:       "Fetch the rest of an answer after 61xx.",
	Preconditions: []string{"The command before answered 61xx."},
	Effect: "Nothing persistent changes. What is not fetched before another command is " +
		"dropped; the command can be given again.",
	Answers: []Answer{{SWConditions, "nothing is waiting"}},
	Variants: []Variant{{
		Out: []Field{raw("DATA", KindBytes, 0, 256, "the next bytes of the answer")},
	}},
})
