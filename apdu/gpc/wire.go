package gpc

import (
	"fmt"

	"ekrona/apdu"
	"ekrona/apdu/tlv"
)

// Class bytes (GPC §11.1.4): the basic channel, without and with secure messaging.
const (
	ClassISO    = 0x00
	ClassPlain  = 0x80
	ClassSecure = 0x84
	SecureBit   = 0x04 // secure messaging in GlobalPlatform's own format
)

// Instructions (GPC table 11-1, and Amendment D §7 for the first two).
const (
	InsInitializeUpdate     = 0x50
	InsExternalAuthenticate = 0x82
	InsSelect               = 0xA4
	InsGetData              = 0xCA
	InsGetDataISO           = 0xCB
	InsPutKey               = 0xD8
	InsStoreData            = 0xE2
	InsDelete               = 0xE4
	InsInstall              = 0xE6
	InsLoad                 = 0xE8
	InsSetStatus            = 0xF0
	InsGetStatus            = 0xF2
)

// SELECT (GPC §11.9.2).
const (
	P1ByName     = 0x04
	P2First      = 0x00
	P2Next       = 0x02
	P2WhichMask  = 0x03
	MaxAIDLength = 16
	MinAIDLength = 5
)

// P1 of INSTALL (GPC table 11-41).
const (
	InstallRegistryUpdate  = 0x40
	InstallPersonalization = 0x20
	InstallExtradition     = 0x10
	InstallMakeSelectable  = 0x08
	InstallInstall         = 0x04
	InstallLoad            = 0x02
)

// P1 of LOAD and STORE DATA, bit 8 (GPC tables 11-57, 11-89); P2 of DELETE, bit 8
// (table 11-22).
const (
	LastBlock     = 0x80
	DeleteRelated = 0x80
)

// P1 of GET STATUS, as far as SET STATUS has them also of that (GPC tables 11-33,
// 11-86).
const (
	StatusISD             = 0x80
	StatusApplications    = 0x40
	StatusLoadFiles       = 0x20
	StatusLoadFileModules = 0x10
	SetStatusDomainTree   = 0x60 // a security domain and its applications
)

// P2 of GET STATUS (GPC table 11-34).
const (
	StatusNext = 0x01
	StatusTLV  = 0x02
)

// P2 of PUT KEY (GPC table 11-66), and keys.
const (
	PutKeySeveral   = 0x80
	KeyNumberMask   = 0x7F
	FirstKeyID      = 0x01 // of a key set: Key-ENC, then Key-MAC, then Key-DEK
	KeysOfSet       = 3
	InitialKeySet   = 0xFF // version of the keys that a blank card has, until others are put
	KeyTypeAES      = 0x88 // GPC table 11-16
	KeyCheckLength  = 3
	MaxKeyVersion   = 0x7F
	DefaultKeyFirst = 0x00 // INITIALIZE UPDATE: whatever key set comes first
)

// Tags.
const (
	TagFCI              tlv.Tag = 0x6F // GPC table 11-82
	TagAIDOfFCI         tlv.Tag = 0x84
	TagProprietary      tlv.Tag = 0xA5
	TagMaxData          tlv.Tag = 0x9F65
	TagAID              tlv.Tag = 0x4F
	TagApplication      tlv.Tag = 0x61
	TagIIN              tlv.Tag = 0x42   // issuer identification number
	TagCIN              tlv.Tag = 0x45   // card image number
	TagCardData         tlv.Tag = 0x66   // GPC §H.2
	TagCapability       tlv.Tag = 0x67   // GPC §H.4
	TagRecognition      tlv.Tag = 0x73   // in TagCardData
	TagCPLC             tlv.Tag = 0x9F7F // Visa card production life cycle data
	TagSequenceCounter  tlv.Tag = 0xC1
	TagKeyTemplate      tlv.Tag = 0xE0
	TagKeyInfo          tlv.Tag = 0xC0
	TagResources        tlv.Tag = 0xFF21 // ETSI TS 102 226 §8.2.1.7.2
	TagApplications     tlv.Tag = 0x2F00
	TagTagList          tlv.Tag = 0x5C
	TagStatus           tlv.Tag = 0xE3 // GPC tables 11-36, 11-37
	TagLifeCycle        tlv.Tag = 0x9F70
	TagPrivileges       tlv.Tag = 0xC5
	TagLoadFileOf       tlv.Tag = 0xC4
	TagDomain           tlv.Tag = 0xCC
	TagVersion          tlv.Tag = 0xCE
	TagModule           tlv.Tag = 0x84
	TagImplicit         tlv.Tag = 0xCF
	TagLoadFileBlock    tlv.Tag = 0xC4 // GPC table 11-58
	TagDAPBlock         tlv.Tag = 0xE2
	TagAppParameters    tlv.Tag = 0xC9 // GPC table 11-49
	TagSystemParameters tlv.Tag = 0xEF
	TagKeyID            tlv.Tag = 0xD0 // GPC table 11-24
	TagKeyVersion       tlv.Tag = 0xD2
)

// LifeCycle is a life cycle state (GPC tables 11-3 to 11-6).
type LifeCycle byte

// The states of load files, applications and cards.
const (
	Loaded LifeCycle = 0x01

	Installed  LifeCycle = 0x03
	Selectable LifeCycle = 0x07
	LockedBit  LifeCycle = 0x80

	OPReady     LifeCycle = 0x01
	Initialized LifeCycle = 0x07
	Secured     LifeCycle = 0x0F
	CardLocked  LifeCycle = 0x7F
	Terminated  LifeCycle = 0xFF
)

// Privileges are three bytes (GPC tables 11-7 to 11-9), the first in the highest.
type Privileges uint32

// The privileges that a virtual card knows.
const (
	PrivilegeSecurityDomain       Privileges = 0x800000
	PrivilegeCardLock             Privileges = 0x100000
	PrivilegeCardTerminate        Privileges = 0x080000
	PrivilegeCardReset            Privileges = 0x040000 // is selected when the card gets power
	PrivilegeTrustedPath          Privileges = 0x008000
	PrivilegeAuthorizedManagement Privileges = 0x004000
	PrivilegeGlobalDelete         Privileges = 0x001000
	PrivilegeGlobalLock           Privileges = 0x000800
	PrivilegeGlobalRegistry       Privileges = 0x000400
	PrivilegeFinalApplication     Privileges = 0x000200

	// IssuerDomain are those of the issuer security domain.
	IssuerDomain = PrivilegeSecurityDomain | PrivilegeCardLock | PrivilegeCardTerminate | PrivilegeTrustedPath |
		PrivilegeAuthorizedManagement | PrivilegeGlobalDelete | PrivilegeGlobalLock | PrivilegeGlobalRegistry
)

// Bytes are the three bytes on the wire.
func (p Privileges) Bytes() []byte { return []byte{byte(p >> 16), byte(p >> 8), byte(p)} }

// parsePrivileges takes one or three bytes (GPC §11.5.2.3.2).
func parsePrivileges(b []byte) (Privileges, error) {
	switch len(b) {
	case 1:
		return Privileges(b[0]) << 16, nil
	case 3:
		return Privileges(b[0])<<16 | Privileges(b[1])<<8 | Privileges(b[2]), nil
	}
	return 0, fmt.Errorf("%w: privileges have 1 or 3 bytes, these have %d", ErrMalformed, len(b))
}

// Status words (GPC table 11-10 and those of the commands; ISO/IEC 7816-4 §5.6).
const (
	SWLocked           apdu.StatusWord = 0x6283 // SELECT of a card in CARD_LOCKED
	SWNotAuthentic     apdu.StatusWord = 0x6300 // wrong host cryptogram
	SWMore             apdu.StatusWord = 0x6310 // GET STATUS has more
	SWMemoryFailure    apdu.StatusWord = 0x6581
	SWWrongLength      apdu.StatusWord = 0x6700
	SWNoChannel        apdu.StatusWord = 0x6881
	SWSecurity         apdu.StatusWord = 0x6982
	SWBlocked          apdu.StatusWord = 0x6983
	SWConditions       apdu.StatusWord = 0x6985
	SWWrongMAC         apdu.StatusWord = 0x6988
	SWSelectFailed     apdu.StatusWord = 0x6999
	SWWrongData        apdu.StatusWord = 0x6A80
	SWNotSupported     apdu.StatusWord = 0x6A81
	SWFileNotFound     apdu.StatusWord = 0x6A82
	SWNoMemory         apdu.StatusWord = 0x6A84
	SWWrongP1P2        apdu.StatusWord = 0x6A86
	SWNotFound         apdu.StatusWord = 0x6A88
	SWWrongInstruction apdu.StatusWord = 0x6D00
	SWWrongClass       apdu.StatusWord = 0x6E00
)

// meanings tells for each status word what it means and what to do.
var meanings = map[apdu.StatusWord]string{
	SWLocked:           "the card is in CARD_LOCKED: only its issuer can unlock it",
	SWNotAuthentic:     "the keys are not the card's: find the right ones, a few more tries block the card for good",
	SWMore:             "more data follows",
	SWMemoryFailure:    "the card's memory failed: set the card aside",
	SWWrongLength:      "the length is wrong: card and program speak different versions",
	SWNoChannel:        "logical channels are not supported: use the basic one",
	SWSecurity:         "security status not satisfied: open a secure channel with the card's keys first",
	SWBlocked:          "the key set is blocked after too many wrong keys: set the card aside",
	SWConditions:       "not possible in this state, or something on the card still needs it",
	SWWrongMAC:         "secure messaging went wrong: open the secure channel anew",
	SWSelectFailed:     "no applet is selected: select one",
	SWWrongData:        "the card refuses the data: for a load file, what it imports may be missing",
	SWNotSupported:     "the card does not support this",
	SWFileNotFound:     "there is no such application or load file: list the card",
	SWNoMemory:         "not enough memory: delete something first",
	SWWrongP1P2:        "wrong parameters P1-P2: the card does not know this form",
	SWNotFound:         "there is no such key, object or data: list the card",
	SWWrongInstruction: "the card does not know the command: is a security domain selected?",
	SWWrongClass:       "the card does not know the class of the command",
}

// Refusal is a status word other than 9000 in answer to a content management
// command. errors.Is finds the StatusWord in it.
type Refusal struct {
	Command string // its name, "INSTALL [for load]"
	SW      apdu.StatusWord
}

// Error says what was refused, why, and what to do.
func (r *Refusal) Error() string {
	meaning := meanings[r.SW]
	if meaning == "" {
		meaning = "a status word that GlobalPlatform does not define; see the card's manual"
	}
	return fmt.Sprintf("%s: the card answered %04X: %s", r.Command, uint16(r.SW), meaning)
}

// Unwrap gives the status word.
func (r *Refusal) Unwrap() error { return r.SW }

// Check gives the response's data, or a Refusal naming the command. Warnings of
// accepted are no refusal.
func Check(command string, r apdu.Response, accepted ...apdu.StatusWord) ([]byte, error) {
	for _, sw := range accepted {
		if r.SW == sw {
			return r.Data, nil
		}
	}
	if r.SW != apdu.OK {
		return nil, &Refusal{command, r.SW}
	}
	return r.Data, nil
}
