package gpc

import (
	"fmt"

	"ekrona.example/apdu/tlv"
)

// ForLoad is the data of INSTALL [for load] (GPC table 11-42).
type ForLoad struct {
	LoadFile   []byte // AID
	Domain     []byte // AID, empty for the security domain that is asked
	Hash       []byte // of the load file data block, empty for none
	Parameters []byte
	Token      []byte
}

// Encode is the data field.
func (f ForLoad) Encode() []byte {
	out := appendLV(nil, f.LoadFile)
	out = appendLV(out, f.Domain)
	out = appendLV(out, f.Hash)
	out = appendLong(out, f.Parameters)
	return appendLong(out, f.Token)
}

// ParseForLoad reads the data field. The token may be left out.
func ParseForLoad(b []byte) (ForLoad, error) {
	r := lvReader{rest: b}
	f := ForLoad{
		LoadFile: r.aid("load file AID", false), Domain: r.aid("security domain AID", true),
		Hash: r.next("hash"), Parameters: r.long("load parameters"),
	}
	f.Token = r.token()
	return f, r.err
}

// ForInstall is the data of INSTALL [for install], and of that together with [for
// make selectable] (GPC table 11-43).
type ForInstall struct {
	LoadFile, Module, Instance []byte // AIDs
	Privileges                 Privileges
	Parameters                 []byte // for the applet's install method: the value of C9
	Token                      []byte
}

// Encode is the data field.
func (f ForInstall) Encode() ([]byte, error) {
	parameters, err := tlv.Append(nil, TagAppParameters, f.Parameters)
	if err != nil {
		return nil, fmt.Errorf("globalplatform: install parameters: %w", err)
	}
	out := appendLV(nil, f.LoadFile)
	out = appendLV(out, f.Module)
	out = appendLV(out, f.Instance)
	out = appendLV(out, f.Privileges.Bytes())
	out = appendLong(out, parameters)
	return appendLong(out, f.Token), nil
}

// ParseForInstall reads the data field. Of the parameters C9 must be there; system
// parameters, which a card may ignore, are ignored (GPC §11.5.2.3.7).
func ParseForInstall(b []byte) (ForInstall, error) {
	r := lvReader{rest: b}
	f := ForInstall{
		LoadFile: r.aid("load file AID", false), Module: r.aid("module AID", false),
		Instance: r.aid("instance AID", false),
	}
	privileges, parameters := r.next("privileges"), r.long("install parameters")
	f.Token = r.token()
	if r.err != nil {
		return ForInstall{}, r.err
	}
	var err error
	if f.Privileges, err = parsePrivileges(privileges); err != nil {
		return ForInstall{}, err
	}
	found := false
	for t := tlv.NewReader(parameters); !t.Empty(); {
		object, err := t.Next()
		if err != nil {
			return ForInstall{}, fmt.Errorf("%w: install parameters: %w", ErrMalformed, err)
		}
		if object.Tag == TagAppParameters {
			if found {
				return ForInstall{},
					fmt.Errorf("%w: install parameters have C9 twice", ErrMalformed)
			}
			f.Parameters, found = object.Value, true
		}
	}
	if !found {
		return ForInstall{}, fmt.Errorf("%w: install parameters lack C9", ErrMalformed)
	}
	return f, nil
}

// ForMakeSelectable is the data of INSTALL [for make selectable] (GPC table 11-44).
type ForMakeSelectable struct {
	Instance   []byte
	Privileges Privileges // only Card Reset counts
	Parameters []byte
	Token      []byte
}

// Encode is the data field.
func (f ForMakeSelectable) Encode() []byte {
	out := appendLV([]byte{0, 0}, f.Instance)
	out = appendLV(out, f.Privileges.Bytes())
	out = appendLong(out, f.Parameters)
	return appendLong(out, f.Token)
}

// ParseForMakeSelectable reads the data field.
func ParseForMakeSelectable(b []byte) (ForMakeSelectable, error) {
	r := lvReader{rest: b}
	r.empty("first field")
	r.empty("second field")
	f := ForMakeSelectable{Instance: r.aid("application AID", false)}
	privileges := r.next("privileges")
	f.Parameters = r.long("make selectable parameters")
	f.Token = r.token()
	if r.err != nil {
		return ForMakeSelectable{}, r.err
	}
	var err error
	f.Privileges, err = parsePrivileges(privileges)
	return f, err
}

// ParseForPersonalization reads the data of INSTALL [for personalization], the AID
// of the application (GPC table 11-47).
func ParseForPersonalization(b []byte) ([]byte, error) {
	r := lvReader{rest: b}
	r.empty("first field")
	r.empty("second field")
	aid := r.aid("application AID", false)
	r.empty("fourth field")
	r.empty("fifth field")
	r.empty("sixth field")
	if r.err == nil && len(r.rest) > 0 {
		r.err = fmt.Errorf("%w: %d bytes follow the last field", ErrMalformed, len(r.rest))
	}
	return aid, r.err
}
