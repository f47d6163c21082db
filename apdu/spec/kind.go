package spec

// Kind is what the bytes of a data object mean, for codecs and for display.
type Kind uint8

// The kinds. Lengths are in the tag's row.
const (
	KindBytes          Kind = iota // no inner structure
	KindTemplate                   // constructed: data objects inside
	KindDeviceID                   // intermediary's Name 8, [A-Z0-9] 8
	KindAuthority                  // Name 8, 5 digits
	KindHolder                     // KindDeviceID or KindAuthority, by length
	KindAmount                     // öre, unsigned big-endian, 4 bytes
	KindCounter                    // unsigned big-endian
	KindCurrency                   // ISO 4217 numeric, BCD, 2 bytes
	KindDate                       // YYMMDD, one digit a byte
	KindHash                       // SHA-256
	KindRandom                     // unpredictable bytes
	KindSignature                  // ECDSA P-256, r || s
	KindPoint                      // P-256, 04 || X || Y
	KindRole                       // one byte of Roles
	KindLifeCycle                  // one byte of LifeCycles
	KindPolicy                     // PolicyLayout
	KindCeilings                   // CeilingsLayout
	KindActions                    // bits of Actions
	KindFlags                      // bits of Flags
	KindCredit                     // one byte of CreditVerdicts
	KindOpenRequests               // entries of OpenRequestLayout
	KindOrderRows                  // rows of OrderRowLayout
	KindScope                      // an intermediary's Name 8, zeros for any
	KindCapabilities               // bits of Capabilities
	KindObject                     // object identifier
	KindSecret                     // PIN block, token, key: never shown
	KindAID                        // application identifier
	KindVersion                    // major, minor: one byte each
	KindMessageVersion             // version of the messages, then one byte of Algorithms
)
