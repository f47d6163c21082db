package spec

// Short makers of fields, so that the tables read as tables.

func field(name string, t Tag, meaning string) Field {
	return Field{Name: name, Tag: t, Meaning: meaning}
}

func optional(f Field) Field {
	f.Presence = Optional
	return f
}

var version = field("VERSION", TagVersion, "")

// The signed messages. Identity of a message is SHA-256 of its body.
var (
	Request = &Layout{
		Name: "REQUEST", Tag: TagRequest, Signers: []string{"payee"},
		Meaning: "the payee asks for an amount, once",
		Fields: []Field{
			version,
			field("PAYEE", TagPayee, ""),
			field("NUMBER", TagNumber, ""),
			field("RANDOM", TagRandom, ""),
			field("AMOUNT", TagAmount, "amount in öre, not zero"),
			field("CURRENCY", TagCurrency, ""),
			optional(field("DATE", TagDate,
				"today; a terminal's and a desk's has it, a card's and a SAM's has not")),
			optional(field("PAYER", TagDevice,
				"payer's device id, where it is known; always from the desk")),
		},
	}
	Payment = &Layout{
		Name: "PAYMENT", Tag: TagPayment, Signers: []string{"payer"},
		Meaning: "the payer pays one Request, over the payee's signature too",
		Fields: []Field{
			version,
			field("PAYER", TagDevice, "payer's device id"),
			field("ATC", TagATC, "number of this record in the payer's log"),
			{Name: "REQUEST", Layout: Request, Meaning: "the whole Request, signature included"},
		},
	}
	Receipt = &Layout{
		Name: "RECEIPT", Tag: TagReceipt, Signers: []string{"payee"},
		Meaning: "the payee accepts one Payment",
		Fields: []Field{
			version,
			field("PAYEE", TagPayee, ""),
			field("ATC", TagATC, "number of this record in the payee's log or journal"),
			field("PAYER", TagDevice, "payer's device id"),
			field("NUMBER", TagNumber, ""),
			field("IDENTITY", TagIdentity, "identity of the Payment"),
		},
	}
	Refusal = &Layout{
		Name: "REFUSAL", Tag: TagRefusal, Signers: []string{"payee"},
		Meaning: "the payee closes one open Request for ever",
		Fields: []Field{
			version,
			field("PAYEE", TagPayee, ""),
			field("ATC", TagATC, "number of this record in the payee's log or journal"),
			field("NUMBER", TagNumber, ""),
			field("IDENTITY", TagIdentity, "identity of the Request"),
			optional(field("PAYER", TagDevice, "payer's device id, where the Request named one")),
		},
	}
	Challenge = &Layout{
		Name: "CHALLENGE", Tag: TagChallenge, Signers: []string{"instruction key"},
		Meaning: "the intermediary asks its card for its State",
		Fields: []Field{
			version,
			field("AUTHORITY", TagAuthority, "instruction key that signs"),
			field("DEVICE", TagDevice, "card asked"),
			field("NONCE", TagNonce, "the session of the card that it is for"),
			field("RANDOM", TagRandom, ""),
		},
	}
	State = &Layout{
		Name: "STATE", Tag: TagState, Signers: []string{"card"},
		Meaning: "what the card holds, in answer to one Challenge",
		Fields: []Field{
			version,
			field("DEVICE", TagDevice, "the card"),
			field("IDENTITY", TagIdentity, "identity of the Challenge"),
			field("ATC", TagATC, ""),
			field("ACKED_ATC", TagAckedATC, ""),
			field("HEAD", TagHead, "head of the chain at ATC"),
			field("BALANCE", TagBalance, ""),
			field("INSTRUCTION_SEQUENCE", TagInstructionSequence,
				"number of the last Instruction applied"),
			field("LAST_INSTRUCTION", TagLastInstruction, ""),
			field("CREDIT", TagCredit, "what became of its credit"),
			field("POLICY_VERSION", TagPolicyVersion, ""),
			field("NUMBER", TagNumber, "highest request number given out"),
			field("LIFE_CYCLE", TagLifeCycle, ""),
			field("DATE", TagDate, "the card's date floor"),
			field("ORDER_NUMBER", TagOrderNumber, heldNumber),
			field("ORDER_HELD", TagOrderHeld, ""),
			field("ATTACKS", TagAttacks, ""),
			field("OPEN_REQUESTS", TagOpenRequests, ""),
		},
	}
	Instruction = &Layout{
		Name: "INSTRUCTION", Tag: TagInstruction, Signers: []string{"instruction key", "notary"},
		Meaning: "intermediary and notary acknowledge records and change the card",
		Fields: []Field{
			version,
			field("AUTHORITY", TagAuthority, "instruction key that signs first"),
			field("NOTARY", TagNotary, "notary that signs second"),
			field("DEVICE", TagDevice, "card addressed"),
			field("INSTRUCTION_SEQUENCE", TagInstructionSequence, "exactly the next"),
			field("ACKED_ATC", TagAckedATC, "drop the records up to this one"),
			field("HEAD", TagHead, "head of the chain at ACKED_ATC"),
			field("AMOUNT", TagAmount, "credit in öre, 0 for none"),
			field("POLICY", TagPolicy, "policy, taken when its version is higher"),
			field("DATE", TagDate, "today; raises the card's date floor"),
			field("ACTIONS", TagActions, ""),
			field("ORDER_NUMBER", TagOrderNumber,
				"lowest number of a crisis order that the card takes from now on, or keeps"),
			field("GROUP", TagGroup, ""),
		},
	}
	Confirmation = &Layout{
		Name: "CONFIRMATION", Tag: TagConfirmation, Signers: []string{"card"},
		Meaning: "the card has applied one Instruction",
		Fields: []Field{
			version,
			field("DEVICE", TagDevice, "the card"),
			field("INSTRUCTION_SEQUENCE", TagInstructionSequence, ""),
			field("IDENTITY", TagIdentity, "identity of the Instruction"),
			field("CREDIT", TagCredit, ""),
			field("BALANCE", TagBalance, "balance after it"),
			field("ATC", TagATC, ""),
		},
	}
	CrisisOrder = &Layout{
		Name: "CRISIS_ORDER", Tag: TagCrisisOrder, Signers: []string{"crisis key", "notary"},
		Meaning: "the central bank raises limits while there is no network",
		Fields: []Field{
			version,
			field("AUTHORITY", TagAuthority, "crisis key that signs first"),
			field("NOTARY", TagNotary, "notary that signs second"),
			field("ORDER_NUMBER", TagOrderNumber, "from 1; each number is one order's for ever"),
			field("DATE", TagDate, "first day on which it counts at terminals"),
			field("EXPIRY", TagExpiry, "last day on which it counts"),
			field("ORDER_ROWS", TagOrderRows, ""),
		},
	}
)

// heldNumber is what a card tells of the crisis orders that it can use.
const heldNumber = "number of the crisis order that the card holds, or the highest that it no " +
	"longer takes: orders up to it are of no use to the card"

// Records of the log, as kept and as READ RECORD gives them. A payee alone can
// settle with what it accepted, so its record carries the Payment.
var (
	PayRecord    = []Field{{Name: "PAYMENT", Layout: Payment}}
	AcceptRecord = []Field{{Name: "RECEIPT", Layout: Receipt}, {Name: "PAYMENT", Layout: Payment}}
	RefuseRecord = []Field{{Name: "REFUSAL", Layout: Refusal}}
)

// Certificates of TR-03110-3 §C.1. An authority's and a device's differ in the
// length of the holder only.
var (
	AuthorityCertificateBody = certificateBody("AUTHORITY_BODY", AuthorityLength)
	DeviceCertificateBody    = certificateBody("DEVICE_BODY", DeviceIDLength)
	AuthorityCertificate     = certificate("AUTHORITY_CERTIFICATE", AuthorityCertificateBody)
	DeviceCertificate        = certificate("DEVICE_CERTIFICATE", DeviceCertificateBody)
)

var publicKey = &Layout{
	Name: "PUBLIC_KEY", Tag: TagPublicKey,
	Meaning: "public key; its domain parameters are P-256's and never carried",
	Fields: []Field{
		{Name: "ALGORITHM", Tag: TagObjectID, Min: len(OIDECDSASHA256), Max: len(OIDECDSASHA256),
			Meaning: "id-TA-ECDSA-SHA-256"},
		field("POINT", TagPoint, ""),
	},
}

var roleTemplate = &Layout{
	Name: "ROLE_TEMPLATE", Tag: TagRoleTemplate,
	Meaning: "certificate holder authorization template",
	Fields: []Field{
		{Name: "ROLE_ID", Tag: TagObjectID, Min: len(OIDRole), Max: len(OIDRole),
			Meaning: "marks the role byte as ours"},
		field("ROLE", TagRole, ""),
	},
}

func certificateBody(name string, holder int) *Layout {
	return &Layout{
		Name: name, Tag: TagCertificateBody, Meaning: "certificate body, what is signed",
		Fields: []Field{
			field("PROFILE", TagProfile, ""),
			field("AUTHORITY", TagAuthority, "who certifies"),
			{Name: "PUBLIC_KEY", Layout: publicKey},
			{Name: "HOLDER", Tag: TagHolder, Min: holder, Max: holder},
			{Name: "ROLE_TEMPLATE", Layout: roleTemplate},
			field("EFFECTIVE", TagDate, "first day of validity"),
			field("EXPIRY", TagExpiry, ""),
		},
	}
}

func certificate(name string, body *Layout) *Layout {
	return &Layout{
		Name: name, Tag: TagCertificate, Meaning: "card-verifiable certificate",
		Fields: []Field{
			{Name: "BODY", Layout: body},
			field("SIGNATURE", TagSignature, "over the whole body (7F4E), by the authority's key"),
		},
	}
}

// Other layouts of commands.
var (
	// InstallData is the application part (C9) of the install parameters. A
	// classic install() is given 127 bytes with instance AID and privileges
	// (Java Card API 3.0.4, Applet.install), too few for a key: so the root is
	// named by the hash of its certificate's body, and the certificate is the
	// first one presented to PSO VERIFY CERTIFICATE.
	InstallData = []Field{
		field("DEVICE", TagDevice, "the new device's id"),
		field("ROOT_ANCHOR", TagRootAnchor, ""),
		field("ROLE", TagRole, "card or SAM"),
		field("CEILINGS", TagCeilings, "write-once ceilings; MAX_TRANSACTIONS at most SLOTS"),
		field("SLOTS", TagSlots, "slots of the log, MIN_SLOTS to MAX_SLOTS; write-once"),
		field("MAX_ATTACKS", TagMaxAttacks, "0 to MOST_ATTACKS; write-once"),
		field("CURRENCY", TagCurrency, ""),
		field("DATE", TagDate, "initial date floor"),
		field("TOKEN", TagToken, ""),
	}
	fciProprietary = &Layout{
		Name: "FCI_PROPRIETARY", Tag: TagFCIProprietary, Meaning: "proprietary part",
		Fields: []Field{
			field("LIFE_CYCLE", TagLifeCycle, ""),
			field("SPEC_VERSION", TagSpecVersion, ""),
			field("CAPABILITIES", TagCapabilities, ""),
			field("NONCE", TagNonce, ""),
			field("ORDER_NUMBER", TagOrderNumber, heldNumber),
			optional(field("BATCH", TagBatch,
				"batch of cards that share a key, from activation on")),
		},
	}
	// FCI is the answer to SELECT. The nonce, which is random, distinguishes one card of a
	// batch from another, and while two crisis orders are about, so does the order's number.
	FCI = &Layout{
		Name: "FCI", Tag: TagFCI, Meaning: "file control information",
		Fields: []Field{
			{Name: "DF_NAME", Tag: TagDFName, Min: len(AppletAID), Max: len(AppletAID)},
			{Name: "FCI_PROPRIETARY", Layout: fciProprietary},
		},
	}
	// KeyAnswer is the answer to GENERATE ASYMMETRIC KEY PAIR.
	KeyAnswer = []Field{
		{Name: "SIGNING_KEY", Layout: pointOnly("SIGNING_POINT"), Meaning: "the key that signs"},
		{Name: "PIN_KEY", Layout: pointOnly("PIN_POINT"),
			Meaning: "the key that PINs are enciphered to"},
		{Name: "MAC", Tag: TagMAC, Min: MACLength, Max: MACLength,
			Meaning: "AES-CMAC under the token's MAC key over device id, signing point, PIN point"},
	}
	// PINLoad is the data of PUT DATA first PIN.
	PINLoad = []Field{
		field("IV", TagIV, ""),
		{Name: "CRYPTOGRAM", Tag: TagCryptogram, Min: 2 * PINBlockLength, Max: 2 * PINBlockLength,
			Meaning: "PIN block, PUK block, under the token's encryption key"},
		field("ORDER_NUMBER", TagOrderNumber,
			"lowest number of a crisis order that the card takes"),
		field("GROUP", TagGroup, ""),
		{Name: "MAC", Tag: TagMAC, Min: MACLength, Max: MACLength,
			Meaning: "AES-CMAC under the token's MAC key over the DOs IV, CRYPTOGRAM, " +
				"ORDER_NUMBER and GROUP"},
	}
	// BatchLoad is the data of PUT DATA batch key.
	BatchLoad = []Field{
		field("IV", TagIV, ""),
		field("POINT", TagPoint, "public half of the batch key"),
		{Name: "CRYPTOGRAM", Tag: TagCryptogram, Min: ScalarLength, Max: ScalarLength,
			Meaning: "private half, under the token's encryption key"},
		{Name: "MAC", Tag: TagMAC, Min: MACLength, Max: MACLength,
			Meaning: "AES-CMAC under the token's MAC key over the DOs IV, POINT and CRYPTOGRAM"},
	}
	// EncipheredPIN carries PIN blocks to the card's PIN key.
	EncipheredPIN = encipheredPIN(PINBlockLength + NonceLength)
	// EncipheredPINs carries two PIN blocks.
	EncipheredPINs = encipheredPIN(2*PINBlockLength + NonceLength + PINBlockLength)
	// PayPIN is what follows Request and certificate in an enciphered PAY. Without
	// cryptogram it asks for the last record again.
	PayPIN = []Field{
		field("POINT", TagPoint, "payee's point for this Request, or a phone's for this tap"),
		optional(Field{Name: "CRYPTOGRAM", Tag: TagCryptogram, Min: payCryptogramLength,
			Max: payCryptogramLength, Meaning: "BATCH, PIN block and nonce, two blocks of " +
				"AES-128-CBC, IV zero: nonce and BATCH in it prove that the sender made the " +
				"point, for this Request and session. The sender deciphers to make it, and the " +
				"card enciphers to read it, as it enciphers its answer"}),
	}
	// Refused is what an enciphered PAY answers when the card does not pay.
	Refused = &Layout{
		Name: "REFUSED", Tag: TagRefused, Meaning: "the card refuses to pay, after the PIN",
		Fields: []Field{
			field("STATUS", TagStatus, ""),
			{Name: "MAC", Tag: TagMAC, Min: PINMACLength, Max: PINMACLength,
				Meaning: "proves that the card refuses this Request in this session"},
		},
	}
	// PayPaid and PayRefused are what is enciphered in the answer.
	PayPaid = []Field{
		{Name: "SIGNATURE", Kind: KindSignature, Min: SignatureLength, Max: SignatureLength,
			Meaning: "the card's, of the Payment"},
		{Name: "ATC", Kind: KindCounter, Min: CounterLength, Max: CounterLength,
			Meaning: "number of this record in the card's log"},
		{Name: "AUTHORITY_NUMBER", Kind: KindBytes, Min: AuthorityLength - NameLength,
			Max: AuthorityLength - NameLength, Meaning: "digits of the CA that certified the " +
				"card, after the Name in HOLDER"},
		{Name: "POINT", Kind: KindBytes, Min: PointLength - 1, Max: PointLength - 1,
			Meaning: "X || Y of the card's key"},
		{Name: "HOLDER", Kind: KindDeviceID, Min: DeviceIDLength, Max: DeviceIDLength,
			Meaning: "the card's device id"},
		{Name: "ROLE", Kind: KindRole, Min: 1, Max: 1, Meaning: "card or SAM"},
		field("EFFECTIVE", TagDate, "first day of the certificate's validity"),
		field("EXPIRY", TagExpiry, ""),
		field("CERTIFICATE_SIGNATURE", TagSignature, "over the body (7F4E) of the certificate "+
			"that these fields give"),
	}
	PayRefused = []Field{{Name: "REFUSED", Layout: Refused}}
	// Counters is the answer to GET DATA counters.
	Counters = &Layout{
		Name: "COUNTERS", Tag: TagCounters, Meaning: "the card's counters",
		Fields: []Field{
			field("ATC", TagATC, ""),
			field("ACKED_ATC", TagAckedATC, ""),
			field("INSTRUCTION_SEQUENCE", TagInstructionSequence, ""),
			field("NUMBER", TagNumber, "highest request number given out"),
			field("SLOTS", TagSlots, ""),
			field("GROUP", TagGroup, ""),
			field("ATTACKS", TagAttacks, ""),
			field("MAX_ATTACKS", TagMaxAttacks, ""),
		},
	}
)

const payCryptogramLength = PINBlockLength + NonceLength + DeviceIDLength

// payAnswer is the answer of an enciphered PAY: PAY_PAID or PAY_REFUSED, padded with 80 and
// zeros.
func payAnswer() Field {
	_, most := SizeOf(PayPaid)
	low, _ := SizeOf(PayRefused)
	padded := func(n int) int { return (n/IVLength + 1) * IVLength }
	return Field{Name: "ANSWER", Tag: TagCryptogram, Min: padded(low), Max: padded(most),
		Meaning: "Payment and the card's certificate, or REFUSED, enciphered"}
}

func pointOnly(name string) *Layout {
	return &Layout{
		Name: "PUBLIC_KEY", Tag: TagPublicKey, Meaning: "public key",
		Fields: []Field{field(name, TagPoint, "")},
	}
}

func encipheredPIN(ciphertext int) []Field {
	return []Field{
		field("POINT", TagPoint, "sender's ephemeral point"),
		{Name: "CRYPTOGRAM", Tag: TagCryptogram, Min: ciphertext, Max: ciphertext},
		{Name: "MAC", Tag: TagMAC, Min: PINMACLength, Max: PINMACLength,
			Meaning: "first bytes of the AES-CMAC over the DOs POINT and CRYPTOGRAM"},
	}
}

// Messages lists the signed messages in the order of their tags.
var Messages = []*Layout{Request, Payment, Receipt, Refusal, Challenge, State, Instruction,
	Confirmation, CrisisOrder}

// Layouts lists every template that has a page and offsets of its own.
var Layouts = append(append([]*Layout{}, Messages...),
	AuthorityCertificate, DeviceCertificate, FCI, Refused, Counters)

// Sequences are the rows of fields without a template around them.
var Sequences = []struct {
	Name    string
	Meaning string
	Fields  []Field
}{
	{"INSTALL", "application parameters of INSTALL", InstallData},
	{"KEY_ANSWER", "answer of GENERATE ASYMMETRIC KEY PAIR", KeyAnswer},
	{"PIN_LOAD", "data of PUT DATA first PIN", PINLoad},
	{"BATCH_LOAD", "data of PUT DATA batch key", BatchLoad},
	{"ENCIPHERED_PIN", "data of VERIFY with an enciphered PIN, and of PAIR", EncipheredPIN},
	{"ENCIPHERED_PINS", "data of CHANGE REFERENCE DATA and RESET RETRY COUNTER, enciphered",
		EncipheredPINs},
	{"PAY_PIN", "what follows Request and certificate in an enciphered PAY", PayPIN},
	{"PAY_PAID", "what is enciphered in the answer of PAY when the card pays", PayPaid},
	{"PAY_REFUSED", "what is enciphered in the answer of PAY when the card refuses", PayRefused},
	{"SECURED_COMMAND", "data of a command under secure messaging", SecuredCommand},
	{"SECURED_ANSWER", "answer under secure messaging", SecuredAnswer},
	{"PAY_RECORD", "record of a payment made", PayRecord},
	{"ACCEPT_RECORD", "record of a payment accepted", AcceptRecord},
	{"REFUSE_RECORD", "record of a refusal", RefuseRecord},
}
