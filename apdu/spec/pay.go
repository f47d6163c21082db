package spec

import "ekrona/apdu"

// Pay pays a Request.
var Pay = command(Command{
	Name: "PAY", CLA: apdu.ClassProprietary, INS: 0x12,
	Clause: "ours; protocol §5, pay at a terminal",
	Purpose: "Pay a Request. The same Request given again while its record is kept gives the " +
		"same Payment, with no new debit, " +
		"without PIN, blocked or not, expired or not.",
	States: activated,
	Preconditions: []string{
		"A kept record pays this very Request: its Payment is the answer and nothing else is " +
			"checked.",
		"Active.",
		"PIN verified and not used up.",
		"No kept record pays another Request of the same payee and number. (Not before the PIN: " +
			"whom the card paid is private to its owner.)",
		"Payee's CA is remembered, certified by a known root.",
		"Payer, when named, is this card; payee is not; currency is the card's.",
		"Payee's certificate verifies; its role is a payee's, its id has [A-Z0-9] and carries " +
			"its CA's name; its holder is the Request's payee. A SAM pays its own desk only. A " +
			"desk must name the payer and carry the card's name.",
		"Not expired by the card's date: payee's certificate, its CA's, own, own CA's; not asked " +
			"of the own desk.",
		"The Request's signature verifies.",
		"Log and transactions have room; amount within the limit for one payment (not asked of " +
			"the own desk), and within the balance, without what was received since the last " +
			"acknowledgement when SPEND_RECEIVED is not set, and with what was paid since the " +
			"last acknowledgement within MAX_SPENT (not asked of the own desk).",
	},
	Effect: "Debit, record and head in one transaction before a byte goes out. A power cut " +
		"leaves all or nothing; then the resend gives the Payment, or the payment has not been.",
	Answers: []Answer{
		{SWConditions, "not activated"},
		{SWVersion, "another version or algorithm in the Request"},
		{SWWrongData, "not the layout, amount zero, or the holder's id has other characters than " +
			"[A-Z0-9]"},
		{SWRequestReused, "a kept record pays another Request of the same payee and number"},
		{SWBlocked, "blocked"},
		{SWClosed, "closed"},
		{SWSecurity, "PIN needed"},
		{SWReferenceUnknown, "payee's CA is not remembered: present its certificate and repeat; " +
			"the PIN stays"},
		{SWAddressee, "the Request names another payer, or the certificate is not its payee's"},
		{SWSelf, "payee is this card"},
		{SWCurrency, "another currency"},
		{SWRole, "holder may not be paid, or carries another name than its CA; desk without " +
			"payer or of another intermediary; SAM asked by another than its desk"},
		{SWExpired, "a certificate has expired"},
		{SWCertificate, "certificate's signature wrong"},
		{SWSignature, "Request's signature wrong"},
		{SWLogFull, "no slot left in the log"},
		{SWTransactionLimit, "no transaction left"},
		{SWPaymentLimit, "amount above the limit for one payment"},
		{SWFunds, "amount above the balance"},
		{SWReceivedLocked, "amount above the balance without what was received since the last " +
			"acknowledgement"},
		{SWSpentLimit, "amount and what was paid since the last acknowledgement above MAX_SPENT, " +
			"or, whoever asks, above 4 bytes"},
	},
	Variants: []Variant{{
		In: []Field{{Name: "REQUEST", Layout: Request},
			{Name: "CERTIFICATE", Layout: DeviceCertificate, Meaning: "payee's certificate"}},
		Out: []Field{{Name: "PAYMENT", Layout: Payment}},
	}},
})
