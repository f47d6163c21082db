package spec

import "ekrona.example/apdu"

// Pay pays a Request.
var Pay = command(Command{
	Name: "PAY", CLA: apdu.ClassProprietary, INS: 0x12,
	Class:  "Pay",
	Clause: "ours; protocol §5, pay at a terminal",
	Purpose: "Pay a Request. The same Request given again while its record is kept gives the " +
		"same Payment, with no new debit, blocked or not, expired or not. An enciphered PAY " +
		"carries the PIN for this one Request: nobody who listens learns PIN or card, and no " +
		"try is taken for a Request that is not signed.",
	States: activated,
	Preconditions: []string{
		"PAY: PIN verified in this session and not used up, for whatever follows.",
		"Enciphered: the last record pays this very Request: its Payment is the answer, without " +
			"PIN. Of any other the PIN is asked for.",
		"Enciphered: payee's CA is known; certificate and Request verify, and the certificate is " +
			"the payee's; PAY batch: the Request's RANDOM is the start of POINT's X coordinate; " +
			"the nonce is not used up, and comes out of CRYPTOGRAM with BATCH. What is refused " +
			"up to here is refused in clear, and has taken no try.",
		"Enciphered: the PIN, as by VERIFY, which uses the nonce up. What is refused from here " +
			"on is refused within the answer, whose status word is 9000.",
		"A kept record pays this very Request: its Payment is the answer and nothing else is " +
			"checked.",
		"Active.",
		"No kept record pays another Request of the same payee and number. (Not before the PIN: " +
			"whom the card paid is private to its owner.)",
		"Payee's CA is known, certified by a known root.",
		"Payer, when named, is this card; payee is not; the certificate is the payee's; currency " +
			"is the card's.",
		"The payee's role is a payee's, its id has [A-Z0-9] and carries its CA's name. A SAM " +
			"pays its own desk only. A desk must name the payer and carry the card's name.",
		"Not expired by the card's date: payee's certificate, its CA's, own, own CA's; not asked " +
			"of the own desk.",
		"Log and transactions have room; amount within the limit for one payment (not asked of " +
			"the own desk), and within the balance, without what was received since the last " +
			"acknowledgement when SPEND_RECEIVED is not set, and with what was paid since the " +
			"last acknowledgement within MAX_SPENT (not asked of the own desk).",
		"In clear: payee's certificate verifies, and then the Request's signature. They come " +
			"last, since who has shown the PIN may know date floor, limits and balance.",
	},
	Effect: "Debit, record and head at one moment before a byte goes out. A power cut " +
		"leaves all or nothing; then the resend gives the Payment, or the payment has not been.",
	Answers: []Answer{
		{SWConditions, "not activated; enciphered: the nonce is used up"},
		{SWVersion, "another version or algorithm in the Request"},
		{SWWrongData, "not the layout, amount zero, DATE is no day of the calendar, or the " +
			"holder's id has other characters than [A-Z0-9]; enciphered: POINT is not on the " +
			"curve; within the answer: not a PIN block"},
		{SWRequestReused, "a kept record pays another Request of the same payee and number"},
		{SWBlocked, "blocked"},
		{SWClosed, "closed"},
		{SWSecurity, "PIN needed"},
		{SWMACWrong, "enciphered: another nonce or batch comes out of CRYPTOGRAM; no try is taken"},
		{SWReferenceUnknown, "payee's CA is not remembered: present its certificate and repeat; " +
			"the PIN stays"},
		{SWAddressee, "the Request names another payer, or the certificate is not its payee's"},
		{SWSelf, "payee is this card"},
		{SWCurrency, "another currency"},
		{SWRole, "holder may not be paid, or carries another name than its CA; desk without " +
			"payer or of another intermediary; SAM asked by another than its desk"},
		{SWExpired, "a certificate has expired"},
		{SWCertificate, "certificate's signature wrong"},
		{SWSignature, "Request's signature wrong; PAY batch: POINT is not the Request's"},
		{SWLogFull, "no slot left in the log"},
		{SWTransactionLimit, "no transaction left"},
		{SWPaymentLimit, "amount above the limit for one payment"},
		{SWFunds, "amount above the balance"},
		{SWReceivedLocked, "amount above the balance without what was received since the last " +
			"acknowledgement"},
		{SWSpentLimit, "amount and what was paid since the last acknowledgement above MAX_SPENT, " +
			"or, whoever asks, above 4 bytes"},
	},
	Variants: []Variant{
		{
			Purpose: "After VERIFY; the Payment comes in clear.",
			In:      []Field{payRequest, payeeCertificate},
			Out:     []Field{{Name: "PAYMENT", Layout: Payment}},
		},
		{
			Name: "own phone", P2: 0x01,
			Purpose: "The agreement is with the card's PIN key, which its owner's phone knows.",
			In:      append([]Field{payRequest, payeeCertificate}, PayPIN...),
			Out:     []Field{payAnswer()},
		},
		{
			Name: "batch", P2: 0x02,
			Purpose: "The agreement is with the batch key, for anybody who made the Request.",
			In:      append([]Field{payRequest, payeeCertificate}, PayPIN...),
			Out:     []Field{payAnswer()},
		},
	},
})

var (
	payRequest       = Field{Name: "REQUEST", Layout: Request}
	payeeCertificate = Field{Name: "CERTIFICATE", Layout: DeviceCertificate,
		Meaning: "payee's certificate"}
)
