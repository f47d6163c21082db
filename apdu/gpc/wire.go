package gpc

import (
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/tlv"
)

// Class bytes (GPC §11.1.4): the basic channel, without and with secure messaging.
const (
	ClassISO    = apdu.ClassInterindustry
	ClassPlain  = apdu.ClassProprietary
	ClassSecure = 0x84
	SecureBit   = 0x04 // secure messaging in GlobalPlatform's own format
)

// Instructions (GPC table 11-1, and Amendment D §7 for the first two).
const (
	InsInitializeUpdate     = 0x50
	InsExternalAuthenticate = 0x82
	InsSelect               = 0xA4
	InsGetData              = 0xCA
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
	TagFCI             tlv.Tag = 0x6F // GPC table 11-82
	TagAIDOfFCI        tlv.Tag = 0x84
	TagProprietary     tlv.Tag = 0xA5
	TagMaxData         tlv.Tag = 0x9F65
	TagAID             tlv.Tag = 0x4F
	TagIIN             tlv.Tag = 0x42   // issuer identification number
	TagCIN             tlv.Tag = 0x45   // card image number
	TagCardData        tlv.Tag = 0x66   // GPC §H.2
	TagCapability      tlv.Tag = 0x67   // GPC §H.4
	TagRecognition     tlv.Tag = 0x73   // in TagCardData
	TagCPLC            tlv.Tag = 0x9F7F // Visa card production life cycle data
	TagDiversification tlv.Tag = 0xCF   // of keys: the 10 bytes of INITIALIZE UPDATE
	TagSequenceCounter tlv.Tag = 0xC1
	TagKeyTemplate     tlv.Tag = 0xE0
	TagKeyInfo         tlv.Tag = 0xC0
	TagResources       tlv.Tag = 0xFF21 // ETSI TS 102 226 §8.2.1.7.2
	TagTagList         tlv.Tag = 0x5C
	TagStatus          tlv.Tag = 0xE3 // GPC tables 11-36, 11-37
	TagLifeCycle       tlv.Tag = 0x9F70
	TagPrivileges      tlv.Tag = 0xC5
	TagLoadFileOf      tlv.Tag = 0xC4
	TagDomain          tlv.Tag = 0xCC
	TagVersion         tlv.Tag = 0xCE
	TagModule          tlv.Tag = 0x84
	TagImplicit        tlv.Tag = 0xCF
	TagLoadFileBlock   tlv.Tag = 0xC4 // GPC table 11-58
	TagDAPBlock        tlv.Tag = 0xE2
	TagAppParameters   tlv.Tag = 0xC9 // GPC table 11-49
	TagKeyID           tlv.Tag = 0xD0 // GPC table 11-24
	TagKeyVersion      tlv.Tag = 0xD2
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
	PrivilegeCVMManagement        Privileges = 0x020000
	PrivilegeTrustedPath          Privileges = 0x008000
	PrivilegeAuthorizedManagement Privileges = 0x004000
	PrivilegeGlobalDelete         Privileges = 0x001000
	PrivilegeGlobalLock           Privileges = 0x000800
	PrivilegeGlobalRegistry       Privileges = 0x000400
	PrivilegeGlobalService        Privileges = 0x000100

	// IssuerDomain are those of the issuer security domain.
	IssuerDomain = PrivilegeSecurityDomain | PrivilegeCardLock | PrivilegeCardTerminate |
		PrivilegeTrustedPath |
		PrivilegeAuthorizedManagement | PrivilegeGlobalDelete | PrivilegeGlobalLock |
		PrivilegeGlobalRegistry
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
