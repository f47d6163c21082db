package spec

import "ekrona.example/apdu"

// RequestPayment makes a Request of the card.
var RequestPayment = command(Command{
	Name: "REQUEST", CLA: apdu.ClassProprietary, INS: 0x10,
	Class:   "Request",
	Clause:  "ours; protocol §5, card to card",
	Purpose: "Ask for an amount: open a Request and get it signed.",
	States:  onlyActive,
	Preconditions: []string{
		"The paired phone, by secure messaging, or PIN verified, when the policy's " +
			"PIN_TO_RECEIVE is set.",
		"Amount not zero, currency the card's, payer an id and not the card itself.",
		"Own certificate and its CA's not expired by the card's date.",
		"At most MAX_OPEN_REQUESTS open with it; log, transactions and maximum balance have room " +
			"for it beside what is open. Without either it takes none of the last quarter of " +
			"the slots.",
	},
	Effect: "The Request is open and reserves its room until ACCEPT or REFUSE. One transaction " +
		"before a byte goes out.",
	Answers: []Answer{
		{SWConditions, "not activated"},
		{SWBlocked, "blocked"},
		{SWClosed, "closed"},
		{SWSecurity, "PIN needed"},
		{SWWrongData, "not the layout, amount zero, or the payer's id has other characters than " +
			"[A-Z0-9]"},
		{SWCurrency, "another currency"},
		{SWSelf, "payer is the card itself"},
		{SWExpired, "own certificate or its CA's has expired"},
		{SWOpenRequests, "MAX_OPEN_REQUESTS are open"},
		{SWLogFull, "no slot left in the log; without paired phone and PIN, none but the last " +
			"quarter"},
		{SWTransactionLimit, "no transaction left"},
		{SWPaymentLimit, "amount above the limit for one payment"},
		{SWBalanceLimit, "balance, open requests and amount are above the maximum balance, or " +
			"what was received since the last acknowledgement is with them above 4 bytes"},
	},
	Variants: []Variant{{
		In: []Field{
			field("AMOUNT", TagAmount, "amount in öre, not zero"),
			field("CURRENCY", TagCurrency, ""),
			optional(field("PAYER", TagDevice, "payer's device id, when only that card shall pay")),
		},
		Out: []Field{{Name: "REQUEST", Layout: Request}},
	}},
})
