package spec

import "ekrona.example/apdu/tlv"

// Tag is a BER-TLV tag, as it stands on the wire; here of one or two bytes.
type Tag = tlv.Tag

// TagRow describes one data object. Min and Max bound its value's length in
// bytes; a layout may narrow them.
type TagRow struct {
	Tag      Tag
	Name     string // as in Spec.java, after TAG_
	Kind     Kind
	Min, Max int
	Meaning  string
	Source   string // document that gives the tag this meaning
}

// Tags of the applet's data objects.
const (
	TagObjectID            Tag = 0x06
	TagAuthority           Tag = 0x42
	TagNotary              Tag = 0x43
	TagRole                Tag = 0x53
	TagDevice              Tag = 0x5A
	TagHolder              Tag = 0x5F20
	TagExpiry              Tag = 0x5F24
	TagDate                Tag = 0x5F25
	TagProfile             Tag = 0x5F29
	TagCurrency            Tag = 0x5F2A
	TagSignature           Tag = 0x5F37
	TagFCI                 Tag = 0x6F
	TagCertificate         Tag = 0x7F21
	TagPublicKey           Tag = 0x7F49
	TagRoleTemplate        Tag = 0x7F4C
	TagCertificateBody     Tag = 0x7F4E
	TagAmount              Tag = 0x81
	TagDFName              Tag = 0x84
	TagPoint               Tag = 0x86
	TagCryptogram          Tag = 0x87
	TagMAC                 Tag = 0x8E
	TagToken               Tag = 0x8F
	TagSpecVersion         Tag = 0x9F08
	TagPayee               Tag = 0x9F1C
	TagATC                 Tag = 0x9F36
	TagRandom              Tag = 0x9F37
	TagNumber              Tag = 0x9F41
	TagNonce               Tag = 0x9F4C
	TagLe                  Tag = 0x97
	TagProcessingStatus    Tag = 0x99
	TagFCIProprietary      Tag = 0xA5
	TagVersion             Tag = 0xC0
	TagIdentity            Tag = 0xC1
	TagAckedATC            Tag = 0xC2
	TagHead                Tag = 0xC3
	TagBalance             Tag = 0xC4
	TagInstructionSequence Tag = 0xC5
	TagLastInstruction     Tag = 0xC6
	TagCredit              Tag = 0xC7
	TagPolicyVersion       Tag = 0xC8
	TagOrderNumber         Tag = 0xC9
	TagOpenRequests        Tag = 0xCA
	TagPolicy              Tag = 0xCB
	TagActions             Tag = 0xCC
	TagLifeCycle           Tag = 0xCD
	TagCapabilities        Tag = 0xCE
	TagSlots               Tag = 0xCF
	TagRootAnchor          Tag = 0xD0
	TagPINLoad             Tag = 0xD1
	TagIV                  Tag = 0xD2
	TagOrderRows           Tag = 0xD3
	TagGroup               Tag = 0xD4
	TagOrderHeld           Tag = 0xD5
	TagBatch               Tag = 0xD6
	TagBatchLoad           Tag = 0xD7
	TagBatchCertificate    Tag = 0xD8
	TagStatus              Tag = 0xD9
	TagCrisisCertificate   Tag = 0xDA
	TagAttacks             Tag = 0xDB
	TagMaxAttacks          Tag = 0xDC
	TagCeilings            Tag = 0xDD
	TagRequest             Tag = 0xE1
	TagPayment             Tag = 0xE2
	TagReceipt             Tag = 0xE3
	TagRefusal             Tag = 0xE4
	TagChallenge           Tag = 0xE5
	TagState               Tag = 0xE6
	TagInstruction         Tag = 0xE7
	TagConfirmation        Tag = 0xE8
	TagCounters            Tag = 0xE9
	TagCrisisOrder         Tag = 0xEA
	TagRefused             Tag = 0xEB
)

const (
	sourceISO   = "ISO/IEC 7816-6"
	sourceEMV   = "EMV 4.4 book 3 annex A"
	sourceCVC   = "TR-03110-3 annex C, D"
	sourceOwn   = "private class, ours"
	sourceOwnDO = "context class, ours"
)

// Tags lists every data object, in the order of its tag.
var Tags = []TagRow{
	{TagObjectID, "OBJECT_ID", KindObject, len(OIDECDSASHA256), len(OIDRole), "object identifier",
		sourceCVC},
	{TagAuthority, "AUTHORITY", KindAuthority, 13, 13,
		"who signed this: certification authority, instruction key or crisis key", sourceCVC},
	{TagNotary, "NOTARY", KindAuthority, 13, 13, "notary key that signed this too", sourceOwn},
	{TagRole, "ROLE", KindRole, 1, 1, "what the key may sign", sourceCVC},
	{TagDevice, "DEVICE", KindDeviceID, 16, 16, "device id: card or payer", sourceEMV},
	{TagHolder, "HOLDER", KindHolder, 13, 16,
		"certificate holder: authority reference or device id", sourceCVC},
	{TagExpiry, "EXPIRY", KindDate, 6, 6, "last day of validity", sourceCVC},
	{TagDate, "DATE", KindDate, 6, 6, "first day of validity; in messages the date of the sender",
		sourceCVC},
	{TagProfile, "PROFILE", KindBytes, 1, 1, "certificate profile, 00", sourceCVC},
	{TagCurrency, "CURRENCY", KindCurrency, 2, 2, "currency, ISO 4217 numeric", sourceEMV},
	{TagSignature, "SIGNATURE", KindSignature, 64, 64,
		"ECDSA P-256 SHA-256 signature, plain r || s (TR-03111 §5.2.1)", sourceCVC},
	{TagFCI, "FCI", KindTemplate, 1, 255, "file control information", "ISO/IEC 7816-4 §7.4.3"},
	{TagCertificate, "CERTIFICATE", KindTemplate, 1, 255, "card-verifiable certificate", sourceCVC},
	{TagPublicKey, "PUBLIC_KEY", KindTemplate, 1, 255, "public key", sourceCVC},
	{TagRoleTemplate, "ROLE_TEMPLATE", KindTemplate, 1, 255,
		"certificate holder authorization template", sourceCVC},
	{TagCertificateBody, "CERTIFICATE_BODY", KindTemplate, 1, 255,
		"certificate body, what is signed", sourceCVC},
	{TagAmount, "AMOUNT", KindAmount, 4, 4, "amount in öre", sourceEMV},
	{TagDFName, "DF_NAME", KindAID, 5, 16, "application identifier", sourceISO},
	{TagPoint, "POINT", KindPoint, 65, 65, "uncompressed point on P-256", sourceCVC},
	{TagCryptogram, "CRYPTOGRAM", KindSecret, 8, 576, "enciphered data", sourceOwnDO},
	{TagMAC, "MAC", KindBytes, 8, 16,
		"AES-CMAC, or a hash with a shared key: 16 bytes or the first 8", "ISO/IEC 7816-4 §10"},
	{TagLe, "LE", KindBytes, 1, 2, "Le of a command under secure messaging",
		"ISO/IEC 7816-4 §10"},
	{TagProcessingStatus, "PROCESSING_STATUS", KindBytes, 2, 2,
		"status word of an answer under secure messaging", "ISO/IEC 7816-4 §10"},
	{TagToken, "TOKEN", KindSecret, 16, 16, "personalization token", sourceOwnDO},
	{TagSpecVersion, "SPEC_VERSION", KindVersion, 2, 2, "version of this spec: major, minor",
		sourceEMV},
	{TagPayee, "PAYEE", KindDeviceID, 16, 16, "payee's device id (EMV: terminal identification)",
		sourceEMV},
	{TagATC, "ATC", KindCounter, 4, 4,
		"number of the sender's last log record (EMV: application transaction counter)", sourceEMV},
	{TagRandom, "RANDOM", KindRandom, RandomLength, RandomLength, "unpredictable number",
		sourceEMV},
	{TagNumber, "NUMBER", KindCounter, 4, 4,
		"request number of the payee (EMV: transaction sequence counter)", sourceEMV},
	{TagNonce, "NONCE", KindRandom, NonceLength, NonceLength,
		"the session's nonce, drawn by the card (EMV: ICC dynamic number)", sourceEMV},
	{TagFCIProprietary, "FCI_PROPRIETARY", KindTemplate, 1, 127, "proprietary part of the FCI",
		"ISO/IEC 7816-4 §7.4.3"},
	{TagVersion, "VERSION", KindMessageVersion, 2, 2,
		"version of the message, and algorithm of its signatures", sourceOwn},
	{TagIdentity, "IDENTITY", KindHash, 32, 32, "identity of another message: SHA-256 of its body",
		sourceOwn},
	{TagAckedATC, "ACKED_ATC", KindCounter, 4, 4,
		"highest record number that the notary acknowledged", sourceOwn},
	{TagHead, "HEAD", KindHash, 32, 32, "head of the hash chain over the records", sourceOwn},
	{TagBalance, "BALANCE", KindAmount, 4, 4, "balance in öre", sourceOwn},
	{TagInstructionSequence, "INSTRUCTION_SEQUENCE", KindCounter, 4, 4, "number of the Instruction",
		sourceOwn},
	{TagLastInstruction, "LAST_INSTRUCTION", KindHash, 32, 32,
		"identity of the last Instruction applied, zeros if none", sourceOwn},
	{TagCredit, "CREDIT", KindCredit, 1, 1, "whether the Instruction's credit was taken",
		sourceOwn},
	{TagPolicyVersion, "POLICY_VERSION", KindCounter, 4, 4, "version of the policy in force",
		sourceOwn},
	{TagOrderNumber, "ORDER_NUMBER", KindCounter, 4, 4, "number of a crisis order", sourceOwn},
	{TagOpenRequests, "OPEN_REQUESTS", KindOpenRequests, 0, MaxOpenRequests * OpenRequestLength,
		"open requests, oldest first", sourceOwn},
	{TagPolicy, "POLICY", KindPolicy, PolicyLength, PolicyLength, "policy", sourceOwn},
	{TagActions, "ACTIONS", KindActions, 1, 1, "what else the Instruction does", sourceOwn},
	{TagLifeCycle, "LIFE_CYCLE", KindLifeCycle, 1, 1, "life-cycle state", sourceOwn},
	{TagCapabilities, "CAPABILITIES", KindCapabilities, 1, 1, "what applet and card can do",
		sourceOwn},
	{TagSlots, "SLOTS", KindCounter, 1, 1, "slots of the log", sourceOwn},
	{TagRootAnchor, "ROOT_ANCHOR", KindHash, 32, 32,
		"SHA-256 of the root certificate's body (7F4E)", sourceOwn},
	{TagPINLoad, "PIN_LOAD", KindSecret, 0, 0, "name of the first PIN in PUT DATA", sourceOwn},
	{TagIV, "IV", KindRandom, 16, 16, "initial value of the cryptogram", sourceOwn},
	{TagOrderRows, "ORDER_ROWS", KindOrderRows, 0, MaxOrderRows * OrderRowLength,
		"rows of a crisis order, in ascending order of GROUP and NAME", sourceOwn},
	{TagGroup, "GROUP", KindCounter, 1, 1,
		"group of people that the card's owner belongs to, 0 for none", sourceOwn},
	{TagOrderHeld, "ORDER_HELD", KindHash, 32, 32,
		"identity of the crisis order that the card holds, zeros if none", sourceOwn},
	{TagBatch, "BATCH", KindDeviceID, 16, 16,
		"batch of cards that share a key: the holder of its certificate", sourceOwn},
	{TagBatchLoad, "BATCH_LOAD", KindSecret, 0, 0, "name of the batch key in PUT DATA", sourceOwn},
	{TagBatchCertificate, "BATCH_CERTIFICATE", KindBytes, 0, 0,
		"name of the batch's certificate in GET DATA", sourceOwn},
	{TagStatus, "STATUS", KindBytes, 2, 2, "status word", sourceOwn},
	{TagCrisisCertificate, "CRISIS_CERTIFICATE", KindBytes, 0, 0,
		"name of the crisis key's certificate in GET DATA", sourceOwn},
	{TagAttacks, "ATTACKS", KindCounter, 1, 1,
		"attacks that the card has found: looks at the same thing that disagreed", sourceOwn},
	{TagMaxAttacks, "MAX_ATTACKS", KindCounter, 1, 1,
		"how many attacks block the card, 0 for never", sourceOwn},
	{TagCeilings, "CEILINGS", KindCeilings, CeilingsLength, CeilingsLength,
		"what no policy of the card is above, write-once", sourceOwn},
	{TagRequest, "REQUEST", KindTemplate, 1, 255, "body of a Request", sourceOwn},
	{TagPayment, "PAYMENT", KindTemplate, 1, 255, "body of a Payment", sourceOwn},
	{TagReceipt, "RECEIPT", KindTemplate, 1, 255, "body of a Receipt", sourceOwn},
	{TagRefusal, "REFUSAL", KindTemplate, 1, 255, "body of a Refusal", sourceOwn},
	{TagChallenge, "CHALLENGE", KindTemplate, 1, 255, "body of a Challenge", sourceOwn},
	{TagState, "STATE", KindTemplate, 1, 400, "body of a State", sourceOwn},
	{TagInstruction, "INSTRUCTION", KindTemplate, 1, 255, "body of an Instruction", sourceOwn},
	{TagConfirmation, "CONFIRMATION", KindTemplate, 1, 255, "body of a Confirmation", sourceOwn},
	{TagCounters, "COUNTERS", KindTemplate, 1, 127, "the card's counters", sourceOwn},
	{TagCrisisOrder, "CRISIS_ORDER", KindTemplate, 1, 255, "body of a crisis order", sourceOwn},
	{TagRefused, "REFUSED", KindTemplate, 1, 127, "the card refuses to pay, after the PIN",
		sourceOwn},
}

var tagRows = func() map[Tag]TagRow {
	m := make(map[Tag]TagRow, len(Tags))
	for _, r := range Tags {
		m[r.Tag] = r
	}
	return m
}()

// DataObject finds the description of the data object with the tag t.
func DataObject(t Tag) (TagRow, bool) {
	r, ok := tagRows[t]
	return r, ok
}
