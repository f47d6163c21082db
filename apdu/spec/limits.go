package spec

// Limits of the card. Lengths are in bytes.
const (
	MaxOpenRequests = 4   // requests open at a time; each reserves a log slot
	MaxOrderRows    = 6   // rows of a crisis order
	MaxOrder        = 372 // crisis order, whole
	MinSlots        = 16  // fewest slots of a log
	MaxSlots        = 200 // most slots of a log
	DefaultSlots    = 128 // slots of a card whose issuer names none
	MostAttacks     = 127 // as many attacks a card counts, and as many block it at most
	DefaultAttacks  = 10  // attacks that block a card whose issuer names no number
	CACache         = 4   // intermediary CAs remembered
	RootsKept       = 2   // current root and the one before
	AuthoritiesKept = 2   // presented authorities that a session keeps
	PayeesKept      = 4   // payees paid lately whose certificates are kept
	PINTries        = 3   // wrong PINs in a row
	PUKTries        = 10  // wrong PUKs in a row
	PINMinDigits    = 4   // shortest PIN
	PINMaxDigits    = 12  // longest PIN
	PUKDigits       = 8   // a PUK has exactly these
	PINBlockLength  = 8   // EMV format 2 (ISO 9564-1)
	MaxAID          = 16  // application identifier (ISO/IEC 7816-4 §12.2.3)
	NonceLength     = 8   // SELECT, GET CHALLENGE
	RandomLength    = 16  // unpredictable number of a message
	MaxCommand      = 515 // command data, chained or extended: the longest ACCEPT, secured
	MaxResponse     = 454 // response data, whole: the longest State
	MaxInstallData  = 113 // application parameters that a classic install() always has room for
	NameLength      = 8   // country 2, mnemonic 6
	AuthorityLength = 13  // Name 8, 5 digits
	DeviceIDLength  = 16  // Name 8, [A-Z0-9] 8
	AmountLength    = 4   // öre
	CounterLength   = 4   // atc, request number, instrSeq
	DateLength      = 6   // YYMMDD
	HashLength      = 32  // SHA-256
	SignatureLength = 64  // r || s
	PointLength     = 65  // 04 || X || Y
	ScalarLength    = 32  // r, s, X, Y
	TokenLength     = 16  // AES-128 key
	MACLength       = 16  // AES-CMAC of key answer, first PIN and batch key
	PINMACLength    = 8   // AES-CMAC of an enciphered PIN, its first bytes
	IVLength        = 16  // AES block
	PairKeyLength   = 16  // AES-128 key
)

// LimitRow describes one limit for Spec.java and the reference page.
type LimitRow struct {
	Name    string
	Value   int
	Meaning string
}

// Limits lists the limits, in the order of the page.
var Limits = []LimitRow{
	{"MAX_OPEN_REQUESTS", MaxOpenRequests, "requests open at a time; each reserves a log slot, " +
		"its amount and a place among the transactions"},
	{"MAX_ORDER_ROWS", MaxOrderRows, "rows of a crisis order"},
	{"MAX_ORDER", MaxOrder, "bytes of a crisis order, whole"},
	{"MIN_SLOTS", MinSlots, "fewest slots of the log: records kept until acknowledged; records " +
		"and open requests stay within them"},
	{"MAX_SLOTS", MaxSlots, "most slots of the log: what a P71 has room for beside the code"},
	{"DEFAULT_SLOTS", DefaultSlots, "slots of a card whose issuer names none"},
	{"MOST_ATTACKS", MostAttacks, "attacks that a card counts: so many and more are one number"},
	{"DEFAULT_ATTACKS", DefaultAttacks,
		"attacks that block a card whose issuer names no number"},
	{"CA_CACHE", CACache, "intermediary CAs stored; the own CA stays, the others take turns"},
	{"ROOTS_KEPT", RootsKept, "root keys known: current and previous"},
	{"AUTHORITIES_KEPT", AuthoritiesKept,
		"authorities that a session keeps beside the stored ones, in turn"},
	{"PAYEES_KEPT", PayeesKept, "payees paid lately whose certificates are not verified again"},
	{"PIN_TRIES", PINTries, "wrong PINs in a row until the PIN is blocked"},
	{"PUK_TRIES", PUKTries, "wrong PUKs in a row until the PUK is blocked"},
	{"PIN_MIN_DIGITS", PINMinDigits, "shortest PIN"},
	{"PIN_MAX_DIGITS", PINMaxDigits, "longest PIN"},
	{"PUK_DIGITS", PUKDigits, "digits of a PUK"},
	{"PIN_BLOCK_LENGTH", PINBlockLength, "bytes of a PIN block, format 2 of ISO 9564-1"},
	{"MAX_AID", MaxAID, "most bytes of an application identifier"},
	{"NONCE_LENGTH", NonceLength, "bytes of a session's nonce: SELECT, GET CHALLENGE"},
	{"RANDOM_LENGTH", RandomLength, "bytes of the unpredictable number of a Request or Challenge"},
	{"MAX_COMMAND", MaxCommand, "bytes of command data, chained or extended: the longest " +
		"ACCEPT under secure messaging"},
	{"MAX_RESPONSE", MaxResponse, "bytes of response data: the longest State"},
	{"MAX_INSTALL_DATA", MaxInstallData,
		"bytes of install parameters: what install()'s 127 bytes leave"},
	{"NAME_LENGTH", NameLength, "bytes of a name: country 2, mnemonic 6, [A-Z0-9]"},
	{"AUTHORITY_LENGTH", AuthorityLength, "bytes of an authority reference: name, 5 digits"},
	{"DEVICE_ID_LENGTH", DeviceIDLength,
		"bytes of a device id: name of its intermediary, [A-Z0-9] 8"},
	{"AMOUNT_LENGTH", AmountLength, "bytes of an amount in öre"},
	{"COUNTER_LENGTH", CounterLength, "bytes of a counter"},
	{"DATE_LENGTH", DateLength, "bytes of a date: YYMMDD, one digit a byte"},
	{"HASH_LENGTH", HashLength, "bytes of a SHA-256"},
	{"SIGNATURE_LENGTH", SignatureLength, "bytes of a signature, r || s"},
	{"POINT_LENGTH", PointLength, "bytes of a public point, 04 || X || Y"},
	{"SCALAR_LENGTH", ScalarLength, "bytes of r, s, X or Y"},
	{"TOKEN_LENGTH", TokenLength, "bytes of a personalization token"},
	{"MAC_LENGTH", MACLength, "bytes of the AES-CMAC in personalization"},
	{"PIN_MAC_LENGTH", PINMACLength, "bytes of the AES-CMAC of an enciphered PIN"},
	{"IV_LENGTH", IVLength, "bytes of an initial value"},
	{"PAIR_KEY_LENGTH", PairKeyLength, "bytes of the key of card and paired phone"},
}
