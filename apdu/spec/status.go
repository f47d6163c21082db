package spec

import (
	"fmt"

	"ekrona.example/apdu"
)

// Status words that the applet answers: those of ISO/IEC 7816-4:2013 §5.6 under its own
// names, and its own, 94xx. Three end in digits that vary: see [StatusRow.Mask].
const (
	SWOK                  = apdu.OK
	SWMoreData            = apdu.SWMoreData
	SWPINWrong            = apdu.SWTriesLeft
	SWMemoryFailure       = apdu.SWMemoryFailure
	SWWrongLength         = apdu.SWWrongLength
	SWChannel             = apdu.SWChannel
	SWSecureMessaging     = apdu.SWSecureMessaging
	SWLastChainedExpected = apdu.SWLastExpected
	SWChaining            = apdu.SWChaining
	SWSecurity            = apdu.SWSecurity
	SWPINBlocked          = apdu.SWBlocked
	SWPINForm             = apdu.SWNotUsable
	SWConditions          = apdu.SWConditions
	SWMACWrong            = apdu.SWWrongMAC
	SWWrongData           = apdu.SWWrongData
	SWFileNotFound        = apdu.SWFileNotFound
	SWRecordNotFound      = apdu.SWRecordNotFound
	SWParameters          = apdu.SWWrongP1P2
	SWReferenceUnknown    = apdu.SWNotFound
	SWWrongLe             = apdu.SWWrongLe
	SWInstruction         = apdu.SWInstruction
	SWClass               = apdu.SWClass
	SWUnknown             = apdu.SWUnknown

	SWFunds            apdu.StatusWord = 0x9401
	SWPaymentLimit     apdu.StatusWord = 0x9402
	SWBalanceLimit     apdu.StatusWord = 0x9403
	SWTransactionLimit apdu.StatusWord = 0x9404
	SWOpenRequests     apdu.StatusWord = 0x9405
	SWLogFull          apdu.StatusWord = 0x9406
	SWCertificate      apdu.StatusWord = 0x9407
	SWExpired          apdu.StatusWord = 0x9408
	SWRole             apdu.StatusWord = 0x9409
	SWSignature        apdu.StatusWord = 0x940A
	SWRequestReused    apdu.StatusWord = 0x940B
	SWSequence         apdu.StatusWord = 0x940C
	SWHead             apdu.StatusWord = 0x940D
	SWSelf             apdu.StatusWord = 0x940E
	SWCurrency         apdu.StatusWord = 0x940F
	SWPolicy           apdu.StatusWord = 0x9410
	SWBlocked          apdu.StatusWord = 0x9411
	SWClosed           apdu.StatusWord = 0x9412
	SWAddressee        apdu.StatusWord = 0x9413
	SWDate             apdu.StatusWord = 0x9414
	SWReceivedLocked   apdu.StatusWord = 0x9415
	SWVersion          apdu.StatusWord = 0x9416
	SWKeyKnown         apdu.StatusWord = 0x9417
	SWSpentLimit       apdu.StatusWord = 0x9418
	SWOrderOld         apdu.StatusWord = 0x9419
	SWNotPaired        apdu.StatusWord = 0x941A
)

// Family groups status words by what the caller can do about them.
type Family string

// The families.
const (
	FamilyOK          Family = "done"
	FamilyProgress    Family = "more follows"
	FamilyPINWrong    Family = "PIN wrong"
	FamilySecurity    Family = "security status not satisfied"
	FamilyConditions  Family = "conditions of use not satisfied"
	FamilyWrongData   Family = "wrong data"
	FamilyNotFound    Family = "not found"
	FamilyUnsupported Family = "not supported"
	FamilyCardFault   Family = "card fault"
	FamilyLimit       Family = "limit reached"
	FamilyAuthentic   Family = "not authentic"
	FamilyConflict    Family = "contradicts what the card knows"
)

// StatusRow describes a status word.
type StatusRow struct {
	Code    apdu.StatusWord
	Mask    apdu.StatusWord // bits of Code that are fixed; the rest is a number
	Name    string          // after SW_ in Spec.java
	Family  Family
	Meaning string
	Remedy  string // what to do about it
}

// StatusWords lists the status words in the order of their codes.
var StatusWords = []StatusRow{
	{SWMoreData, 0xFF00, "MORE_DATA", FamilyProgress, "xx more bytes are waiting",
		"fetch them with GET RESPONSE"},
	{SWPINWrong, 0xFFF0, "PIN_WRONG", FamilyPINWrong,
		"PIN or PUK wrong, or not verified; x tries are left", "give the right one"},
	{SWMemoryFailure, 0xFFFF, "MEMORY_FAILURE", FamilyCardFault, "persistent memory failed",
		"replace the card"},
	{SWWrongLength, 0xFFFF, "WRONG_LENGTH", FamilyWrongData, "length of the command is wrong",
		"send the lengths of the command's table"},
	{SWChannel, 0xFFFF, "CHANNEL", FamilyUnsupported, "logical channels are not supported",
		"use the basic channel"},
	{SWSecureMessaging, 0xFFFF, "SECURE_MESSAGING", FamilyUnsupported,
		"secure messaging is not open, or not for this command",
		"open it by MUTUAL AUTHENTICATE, or send a plain class byte"},
	{SWLastChainedExpected, 0xFFFF, "LAST_CHAINED_EXPECTED", FamilyWrongData,
		"another command came before the chain's last", "begin the chain again"},
	{SWChaining, 0xFFFF, "CHAINING", FamilyUnsupported,
		"chaining is not supported for this command", "send it in one part"},
	{SWSecurity, 0xFFFF, "SECURITY", FamilySecurity,
		"PIN needed, or a Challenge of the card's intermediary", "verify the PIN first"},
	{SWPINBlocked, 0xFFFF, "PIN_BLOCKED", FamilySecurity, "no tries left",
		"unblock with the PUK, or by an Instruction when the PUK is blocked too"},
	{SWPINForm, 0xFFFF, "PIN_FORM", FamilySecurity, "policy asks for an enciphered PIN",
		"encipher the PIN to the card's PIN key (P2 = 88)"},
	{SWConditions, 0xFFFF, "CONDITIONS", FamilyConditions,
		"not in this life-cycle state, or a command that goes before is missing",
		"look at the life-cycle state that SELECT answers and follow the order of the reference"},
	{SWMACWrong, 0xFFFF, "MAC_WRONG", FamilySecurity, "message authentication code wrong",
		"use the key derived for this card and challenge"},
	{SWWrongData, 0xFFFF, "WRONG_DATA", FamilyWrongData, "data malformed",
		"send exactly the data objects of the command's table, in their order"},
	{SWFileNotFound, 0xFFFF, "FILE_NOT_FOUND", FamilyNotFound, "file or application not found",
		"give the name of an application that the card has"},
	{SWRecordNotFound, 0xFFFF, "RECORD_NOT_FOUND", FamilyNotFound, "no such record",
		"ask for records from 1 up to the first that is not found"},
	{SWParameters, 0xFFFF, "PARAMETERS", FamilyUnsupported, "P1 or P2 unknown",
		"send the parameters of the command's table"},
	{SWReferenceUnknown, 0xFFFF, "REFERENCE_UNKNOWN", FamilyNotFound,
		"the key, certificate or request referred to is unknown", "present the authority's " +
			"certificate with PSO VERIFY CERTIFICATE, then repeat the command"},
	{SWWrongLe, 0xFF00, "WRONG_LE", FamilyProgress, "Le is wrong, xx bytes are there",
		"send the command again with that Le"},
	{SWInstruction, 0xFFFF, "INSTRUCTION_UNKNOWN", FamilyUnsupported, "instruction unknown",
		"select the application first"},
	{SWClass, 0xFFFF, "CLASS", FamilyUnsupported, "class unknown",
		"send the class byte of the command's table"},
	{SWUnknown, 0xFFFF, "UNKNOWN", FamilyCardFault, "internal error of the card",
		"reset the card and repeat; every command can be repeated"},
	{SWOK, 0xFFFF, "OK", FamilyOK, "done", "nothing"},
	{SWFunds, 0xFFFF, "FUNDS", FamilyLimit, "balance is lower than the amount",
		"load the card or ask for less"},
	{SWPaymentLimit, 0xFFFF, "PAYMENT_LIMIT", FamilyLimit,
		"amount is above the limit for one payment", "ask for less"},
	{SWBalanceLimit, 0xFFFF, "BALANCE_LIMIT", FamilyLimit,
		"amount does not fit under the maximum balance, open requests counted",
		"ask for less, or unload or synchronise first"},
	{SWTransactionLimit, 0xFFFF, "TRANSACTION_LIMIT", FamilyLimit,
		"all transactions since the last acknowledgement are used", "synchronise the card"},
	{SWOpenRequests, 0xFFFF, "OPEN_REQUESTS", FamilyLimit, "too many requests are open",
		"accept or refuse one first"},
	{SWLogFull, 0xFFFF, "LOG_FULL", FamilyLimit, "no room in the log", "synchronise the card"},
	{SWCertificate, 0xFFFF, "CERTIFICATE", FamilyAuthentic, "certificate's signature wrong",
		"present the certificate that its authority issued"},
	{SWExpired, 0xFFFF, "EXPIRED", FamilyAuthentic,
		"a certificate in the chain has expired by the card's date", "renew the certificate"},
	{SWRole, 0xFFFF, "ROLE", FamilyAuthentic, "role or name of the key does not allow this",
		"use a key whose role and name allow it"},
	{SWSignature, 0xFFFF, "SIGNATURE", FamilyAuthentic, "message's signature wrong",
		"send the message as its sender signed it"},
	{SWRequestReused, 0xFFFF, "REQUEST_REUSED", FamilyConflict,
		"payee used the number for another request", "make a new Request with a new number"},
	{SWSequence, 0xFFFF, "SEQUENCE", FamilyConflict, "Instruction is not the next",
		"ask for the card's State and send the Instruction that follows"},
	{SWHead, 0xFFFF, "HEAD", FamilyConflict,
		"acknowledged number or head is not in the card's chain",
		"ask for the card's State and records"},
	{SWSelf, 0xFFFF, "SELF", FamilyConflict, "payer and payee are the same device",
		"use two devices"},
	{SWCurrency, 0xFFFF, "CURRENCY", FamilyConflict, "currency is not the card's",
		"ask in the card's currency"},
	{SWPolicy, 0xFFFF, "POLICY", FamilyConflict,
		"policy goes back in version or above the ceilings",
		"issue a policy with a higher version, under the ceilings"},
	{SWBlocked, 0xFFFF, "BLOCKED", FamilyConditions, "card is blocked",
		"synchronise; its intermediary can unblock it"},
	{SWClosed, 0xFFFF, "CLOSED", FamilyConditions, "card is closed for ever",
		"synchronise what it holds and use another card"},
	{SWAddressee, 0xFFFF, "ADDRESSEE", FamilyConflict, "message is for another device",
		"bring it to the device that it names"},
	{SWDate, 0xFFFF, "DATE", FamilyConflict,
		"date is earlier than the card's or later than a signer's certificate",
		"correct the clock, or renew the signer's certificate"},
	{SWReceivedLocked, 0xFFFF, "RECEIVED_LOCKED", FamilyLimit,
		"received money cannot be spent before it is synchronised", "synchronise the card"},
	{SWVersion, 0xFFFF, "VERSION", FamilyUnsupported,
		"version or signature algorithm of the message is not the card's",
		"send messages of the version that SELECT answers; update the older of the two"},
	{SWKeyKnown, 0xFFFF, "KEY_KNOWN", FamilyConflict,
		"the authority's reference is known with another key",
		"certify the new key under a reference that no key has had"},
	{SWSpentLimit, 0xFFFF, "SPENT_LIMIT", FamilyLimit,
		"amount is above what may still be paid before the next synchronisation",
		"ask for less, or synchronise the card"},
	{SWOrderOld, 0xFFFF, "ORDER_OLD", FamilyConflict,
		"card holds this crisis order, or takes none of so low a number",
		"give none whose number is not above the one that SELECT answers"},
	{SWNotPaired, 0xFFFF, "NOT_PAIRED", FamilySecurity,
		"the card is not paired with this phone", "pair them, by the PIN"},
}

var statusRows = func() map[apdu.StatusWord]*StatusRow {
	m := make(map[apdu.StatusWord]*StatusRow, len(StatusWords))
	for i := range StatusWords {
		m[StatusWords[i].Code] = &StatusWords[i]
	}
	return m
}()

// Status finds the row of a status word.
func Status(sw apdu.StatusWord) (StatusRow, bool) {
	for _, mask := range []apdu.StatusWord{0xFFFF, 0xFFF0, 0xFF00} {
		if row, ok := statusRows[sw&mask]; ok && row.Mask == mask {
			return *row, true
		}
	}
	return StatusRow{}, false
}

// StatusName is a status word in four hex digits with the applet's name for it, or
// with the standard's when the applet has none.
func StatusName(sw apdu.StatusWord) string {
	if row, known := Status(sw); known {
		return fmt.Sprintf("%04X %s", uint16(sw), row.Name)
	}
	return sw.String()
}

// StatusMeaning is what the applet means by a status word, or the standard when the
// applet never answers it.
func StatusMeaning(sw apdu.StatusWord) string {
	row, known := Status(sw)
	switch {
	case !known:
		return sw.Meaning()
	case row.Code == SWPINWrong:
		return "PIN " + apdu.TriesLeft(sw&0x0F).Error()
	}
	return row.Meaning
}

// StatusText is a status word with its name, its meaning and, when it is one of the
// applet's, what to do about it.
func StatusText(sw apdu.StatusWord) string {
	text := StatusName(sw) + ": " + StatusMeaning(sw)
	if row, known := Status(sw); known && row.Code != SWOK {
		text += "; " + row.Remedy
	}
	return text
}
