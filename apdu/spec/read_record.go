package spec

import "ekrona.example/apdu"

// Short file identifiers of READ RECORD.
const (
	SFIRecords      = 1
	SFIOpenRequests = 2
)

// ReadRecord reads the log and the open requests.
var ReadRecord = command(Command{
	Name: "READ RECORD", CLA: apdu.ClassInterindustry, INS: 0xB2,
	Class:  "ReadRecord",
	Clause: "ISO/IEC 7816-4:2013 §11.3.3",
	Purpose: "Read record P1 of those after the last acknowledgement, or open request P1, " +
		"whole, signatures included. 1 is the oldest.",
	States: activated,
	Preconditions: []string{"The paired phone, PIN verified, or GET STATE answered in " +
		"this session."},
	Effect: "Nothing persistent changes. The PIN is not used up.",
	Answers: []Answer{
		{SWConditions, "not activated"},
		{SWSecurity, "PIN or GET STATE needed"},
		{SWRecordNotFound, "there are fewer"},
	},
	Variants: []Variant{
		{Name: "log", P1: 1, P2: SFIRecords<<3 | 4, AnyP1: true,
			Out: []Field{{Name: "RECEIPT", Layout: Receipt, Presence: Optional},
				{Name: "PAYMENT", Layout: Payment, Presence: Optional},
				{Name: "REFUSAL", Layout: Refusal, Presence: Optional}},
			Purpose: "a Payment, or a Receipt and the Payment accepted, or a Refusal"},
		{Name: "open requests", P1: 1, P2: SFIOpenRequests<<3 | 4, AnyP1: true,
			Out: []Field{{Name: "REQUEST", Layout: Request}}},
	},
})
