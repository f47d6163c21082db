package message

import (
	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/spec"
)

// Name names an intermediary, a notary or a root: country 2, mnemonic 6, all of
// [A-Z0-9]; 8 bytes on the wire. The empty Name is none.
type Name string

// AuthorityRef refers to one key of an authority: Name and 5 digits; 13 bytes.
type AuthorityRef string

// DeviceID is the id of a card, SAM, terminal or desk: the Name of its
// intermediary and 8 of [A-Z0-9]; 16 bytes. The empty DeviceID is none.
type DeviceID string

// ParseName checks s.
func ParseName(s string) (Name, error) {
	return Name(s), check("name", s, spec.NameLength, isAlphanumeric)
}

// ParseAuthorityRef checks s.
func ParseAuthorityRef(s string) (AuthorityRef, error) {
	if err := check("authority reference", s, spec.AuthorityLength, isAlphanumeric); err != nil {
		return "", err
	}
	if err := check("sequence of an authority reference", s[spec.NameLength:],
		spec.AuthorityLength-spec.NameLength, isDigit); err != nil {
		return "", err
	}
	return AuthorityRef(s), nil
}

// ParseDeviceID checks s.
func ParseDeviceID(s string) (DeviceID, error) {
	if err := check("device id", s, spec.DeviceIDLength, isAlphanumeric); err != nil {
		return "", err
	}
	return DeviceID(s), nil
}

// NewDeviceID makes the id of the intermediary's device with the serial number,
// 8 of [A-Z0-9].
func NewDeviceID(n Name, serial string) (DeviceID, error) {
	return ParseDeviceID(string(n) + serial)
}

// Name is the authority's name.
func (a AuthorityRef) Name() Name { return Name(prefix(string(a))) }

// Name is the name of the device's intermediary.
func (d DeviceID) Name() Name { return Name(prefix(string(d))) }

func prefix(s string) string { return s[:min(len(s), spec.NameLength)] }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlphanumeric(c byte) bool { return isDigit(c) || 'A' <= c && c <= 'Z' }

func check(what, s string, length int, allowed func(byte) bool) error {
	if len(s) != length {
		return layout.Malformed("%s %q has %d characters, it must have %d", what, s, len(s), length)
	}
	for i := range len(s) {
		if !allowed(s[i]) {
			return layout.Malformed("%s %q: character %d is not allowed", what, s, i+1)
		}
	}
	return nil
}

// MarshalBinary gives the content of the data object.
func (a *AuthorityRef) MarshalBinary() ([]byte, error) {
	_, err := ParseAuthorityRef(string(*a))
	return []byte(*a), err
}

// UnmarshalBinary takes the content of the data object.
func (a *AuthorityRef) UnmarshalBinary(b []byte) (err error) {
	*a, err = ParseAuthorityRef(string(b))
	return err
}

// MarshalBinary gives the content of the data object.
func (d *DeviceID) MarshalBinary() ([]byte, error) {
	_, err := ParseDeviceID(string(*d))
	return []byte(*d), err
}

// UnmarshalBinary takes the content of the data object.
func (d *DeviceID) UnmarshalBinary(b []byte) (err error) {
	*d, err = ParseDeviceID(string(b))
	return err
}

// optionalID is a DeviceID that may be none.
type optionalID struct{ *DeviceID }

// Absent reports whether there is none.
func (o optionalID) Absent() bool { return *o.DeviceID == "" }

// Clear makes it none.
func (o optionalID) Clear() { *o.DeviceID = "" }
