package gpc

import (
	"fmt"
	"strings"

	"ekrona.example/apdu/tlv"
)

// GET DATA of NXP's operating systems with these tags, the second as the command's
// data, answers what the product is, without a key. NXP does not publish the layout;
// the tags here are those that its published driver for the SE05x, which runs the same
// system, gives names to.
const (
	TagNXPProprietary tlv.Tag = 0xFE
	TagNXPIdentify    tlv.Tag = 0xDF28

	tagNXPConfiguration tlv.Tag = 0x01
	tagNXPPatch         tlv.Tag = 0x02
	tagNXPPlatform      tlv.Tag = 0x03
	tagNXPFIPS          tlv.Tag = 0x05
	tagNXPROM           tlv.Tag = 0x08

	platformLength = 16 // of the text; more follows that is none
)

// NXPIdentity is what an NXP card reports about its operating system.
type NXPIdentity struct {
	Platform      string `json:"platform"` // platform id, "J3R6000373181200"
	Configuration Hex    `json:"configuration"`
	Patch         Hex    `json:"patch"`
	ROM           Hex    `json:"rom"`
	FIPS          bool   `json:"fips"`
}

// NXPIdentifyData is the data of the GET DATA command that asks for it: the tag alone
// as a tag list.
func NXPIdentifyData() []byte {
	return []byte{byte(TagNXPIdentify >> 8), byte(TagNXPIdentify & 0xFF)}
}

// ParseNXPIdentity reads FE as GET DATA gives it. Unknown data objects are ignored.
func ParseNXPIdentity(b []byte) (*NXPIdentity, error) {
	content, err := only(b, TagNXPProprietary, "NXP identification")
	if err != nil {
		return nil, err
	}
	if content, err = only(content, TagNXPIdentify, "NXP identification"); err != nil {
		return nil, err
	}
	id := new(NXPIdentity)
	for r := tlv.NewReader(content); !r.Empty(); {
		object, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("%w: NXP identification: %w", ErrMalformed, err)
		}
		switch object.Tag {
		case tagNXPConfiguration:
			id.Configuration = object.Value
		case tagNXPPatch:
			id.Patch = object.Value
		case tagNXPPlatform:
			id.Platform = printable(object.Value[:min(platformLength, len(object.Value))])
		case tagNXPFIPS:
			id.FIPS = len(object.Value) == 1 && object.Value[0] != 0
		case tagNXPROM:
			id.ROM = object.Value
		}
	}
	return id, nil
}

// printable is the text that b begins with.
func printable(b []byte) string {
	end := strings.IndexFunc(string(b), func(r rune) bool { return r < ' ' || r > '~' })
	if end < 0 {
		end = len(b)
	}
	return string(b[:end])
}
