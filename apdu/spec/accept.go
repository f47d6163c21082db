package spec

import "ekrona.example/apdu"

// Accept takes a Payment.
var Accept = command(Command{
	Name: "ACCEPT", CLA: apdu.ClassProprietary, INS: 0x14,
	Class:  "Accept",
	Clause: "ours; protocol §5, card to card",
	Purpose: "Take a Payment of an open Request. An accepted Payment given again while its " +
		"record is kept gives the same Receipt, " +
		"without PIN, blocked or not, expired or not.",
	States: activated,
	Preconditions: []string{
		"The Request in the Payment is of this card.",
		"A kept record accepts this very Payment: its Receipt is the answer and nothing else is " +
			"checked.",
		"Active.",
		"The paired phone, or PIN verified, when the policy's PIN_TO_RECEIVE is set.",
		"The Request in the Payment is open, whole and unchanged; the payer is the one that it " +
			"names, when it names one, and never this card.",
		"Payer's CA is remembered, certified by a known root; certificate verifies; role card, " +
			"of its CA's name (a SAM pays its desk only) and [A-Z0-9]; its holder is the " +
			"Payment's payer.",
		"The Payment's signature verifies.",
		"Not expired by the card's date: payer's certificate, its CA's, own, own CA's.",
	},
	Effect: "Balance, record and head, and the Request closed, at one moment before a byte " +
		"goes out. A power cut leaves all or nothing.",
	Answers: []Answer{
		{SWConditions, "not activated"},
		{SWVersion, "another version or algorithm in the Payment or the Request in it"},
		{SWWrongData, "not the layout, amount or payer's ATC zero, or the holder's id has other " +
			"characters than [A-Z0-9]"},
		{SWBlocked, "blocked"},
		{SWClosed, "closed"},
		{SWSecurity, "PIN needed"},
		{SWReferenceUnknown, "no such open Request, or the payer's CA is not remembered: present " +
			"its certificate and repeat"},
		{SWRequestReused, "the Request in the Payment is not the open one of this number"},
		{SWAddressee, "payee is another card, payer is not the one that the Request names, or " +
			"the certificate is not the payer's"},
		{SWSelf, "payer is this card"},
		{SWRole, "holder may not pay, or carries another name than its CA"},
		{SWExpired, "a certificate has expired"},
		{SWCertificate, "certificate's signature wrong"},
		{SWSignature, "Payment's signature wrong"},
	},
	Variants: []Variant{{
		In: []Field{{Name: "PAYMENT", Layout: Payment},
			{Name: "CERTIFICATE", Layout: DeviceCertificate, Meaning: "payer's certificate"}},
		Out: []Field{{Name: "RECEIPT", Layout: Receipt}},
	}},
})
