package gpc

import (
	"fmt"

	"ekrona.example/apdu/tlv"
)

// KeyInfo is one C0 of the key information template, in the basic form (GPC table
// 11-28).
type KeyInfo struct {
	ID      byte `json:"id"`
	Version byte `json:"version"`
	Type    byte `json:"type"`   // of the only component
	Length  int  `json:"length"` // of the only component, in bytes
}

// AppendKeyTemplate writes E0.
func AppendKeyTemplate(out []byte, keys []KeyInfo) ([]byte, error) {
	var content []byte
	for _, k := range keys {
		var err error
		if content, err = tlv.Append(content, TagKeyInfo,
			[]byte{k.ID, k.Version, k.Type, byte(k.Length)}); err != nil {
			return nil, err
		}
	}
	return tlv.Append(out, TagKeyTemplate, content)
}

// ParseKeyTemplate reads E0 as GET DATA gives it. Of a key of several components,
// and of one in the extended form, it gives the first component.
func ParseKeyTemplate(b []byte) ([]KeyInfo, error) {
	r := tlv.NewReader(b)
	template, err := r.Expect(TagKeyTemplate)
	if err == nil {
		err = r.End()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: key information: %w", ErrMalformed, err)
	}
	var keys []KeyInfo
	for r = tlv.NewReader(template.Value); !r.Empty(); {
		object, err := r.Expect(TagKeyInfo)
		if err != nil {
			return nil, fmt.Errorf("%w: key information: %w", ErrMalformed, err)
		}
		switch v := object.Value; {
		case len(v) >= 6 && v[2] == 0xFF: // table 11-29
			keys = append(keys, KeyInfo{v[0], v[1], v[3], int(v[4])<<8 | int(v[5])})
		case len(v) >= 4 && v[2] != 0xFF:
			keys = append(keys, KeyInfo{v[0], v[1], v[2], int(v[3])})
		default:
			return nil, fmt.Errorf("%w: key information of %d bytes", ErrMalformed, len(v))
		}
	}
	return keys, nil
}

// NewKey is one AES key in the data of PUT KEY (Amd D table 7-10).
type NewKey struct {
	Length     int    // of the key in the clear, in bytes
	Enciphered []byte // under Key-DEK, whole blocks
	Check      []byte // key check value: 3 bytes, or none
}

// PutKey is the data of PUT KEY: AES keys of one version, with identifiers that
// count up from the one in P2 (GPC tables 11-67, 11-68).
type PutKey struct {
	Version byte
	Keys    []NewKey
}

// Encode is the data field.
func (p PutKey) Encode() []byte {
	out := []byte{p.Version}
	for _, k := range p.Keys {
		out = append(out, KeyTypeAES)
		out = appendLong(out, append([]byte{byte(k.Length)}, k.Enciphered...))
		out = appendLV(out, k.Check)
	}
	return out
}

// ParsePutKey reads the data field. A component without a length of its own, which
// GPC table 11-71 allows for keys of whole blocks, is taken too.
func ParsePutKey(b []byte) (PutKey, error) {
	if len(b) == 0 || b[0] == 0 || b[0] > MaxKeyVersion {
		return PutKey{}, fmt.Errorf("%w: PUT KEY: no key version from 01 to 7F", ErrMalformed)
	}
	p := PutKey{Version: b[0]}
	for r := (lvReader{rest: b[1:]}); len(r.rest) > 0; {
		if r.rest[0] != KeyTypeAES {
			return PutKey{}, fmt.Errorf("%w: PUT KEY: key type %02X; this card takes AES keys, 88",
				ErrMalformed, r.rest[0])
		}
		r.rest = r.rest[1:]
		block, check := r.long("key component"), r.next("key check value")
		if r.err != nil {
			return PutKey{}, r.err
		}
		k := NewKey{Length: len(block), Enciphered: block, Check: check}
		if len(block)%16 == 1 {
			k.Length, k.Enciphered = int(block[0]), block[1:]
		}
		if n := k.Length; n != 16 && n != 24 && n != 32 || len(k.Enciphered) != (n+15)/16*16 {
			return PutKey{}, fmt.Errorf("%w: PUT KEY: a key of %d bytes in %d", ErrMalformed, n,
				len(k.Enciphered))
		}
		if len(check) != 0 && len(check) != KeyCheckLength {
			return PutKey{}, fmt.Errorf("%w: PUT KEY: a key check value of %d bytes", ErrMalformed,
				len(check))
		}
		p.Keys = append(p.Keys, k)
	}
	if len(p.Keys) == 0 {
		return PutKey{}, fmt.Errorf("%w: PUT KEY without a key", ErrMalformed)
	}
	return p, nil
}

// Key types of components (GPC table 11-16) that a card may list.
const (
	keyTypeDES    = 0x80
	keyTypeDESECB = 0x83
	keyTypeDESCBC = 0x84
)

// KeyTypeName names a key component by type and length in bytes: "AES-128", "3DES".
func KeyTypeName(kind byte, length int) string {
	switch kind {
	case KeyTypeAES:
		return fmt.Sprintf("AES-%d", 8*length)
	case keyTypeDES, keyTypeDESECB, keyTypeDESCBC:
		return "3DES"
	}
	return fmt.Sprintf("type %02X of %d bytes", kind, length)
}
