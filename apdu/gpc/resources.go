package gpc

import (
	"fmt"

	"ekrona.example/apdu/tlv"
)

// Tags in the extended card resources information (ETSI TS 102 226 §8.2.1.7.2).
const (
	TagApplicationCount tlv.Tag = 0x81
	TagFreePersistent   tlv.Tag = 0x82
	TagFreeTransient    tlv.Tag = 0x83
)

// Resources are what is free on a card.
type Resources struct {
	Applications uint32 `json:"applications"`
	Persistent   uint32 `json:"persistent"` // bytes
	Transient    uint32 `json:"transient"`  // bytes
}

// Encode is FF21.
func (r Resources) Encode() ([]byte, error) {
	var content []byte
	var err error
	for _, field := range []struct {
		tag   tlv.Tag
		value uint32
		size  int
	}{{TagApplicationCount, r.Applications, 1}, {TagFreePersistent, r.Persistent, 4},
		{TagFreeTransient, r.Transient, 4}} {
		bytes := []byte{byte(field.value >> 24), byte(field.value >> 16), byte(field.value >> 8),
			byte(field.value)}
		if content, err = tlv.Append(content, field.tag, bytes[4-field.size:]); err != nil {
			return nil, err
		}
	}
	return tlv.Append(nil, TagResources, content)
}

// ParseResources reads FF21 as GET DATA gives it: numbers of one to four bytes.
func ParseResources(b []byte) (*Resources, error) {
	content, err := only(b, TagResources, "card resources")
	if err != nil {
		return nil, err
	}
	resources := new(Resources)
	for r := tlv.NewReader(content); !r.Empty(); {
		object, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("%w: card resources: %w", ErrMalformed, err)
		}
		to := map[tlv.Tag]*uint32{
			TagApplicationCount: &resources.Applications, TagFreePersistent: &resources.Persistent,
			TagFreeTransient: &resources.Transient,
		}[object.Tag]
		if to == nil {
			continue
		}
		if len(object.Value) < 1 || len(object.Value) > 4 {
			return nil, fmt.Errorf("%w: card resources: a number of %d bytes", ErrMalformed,
				len(object.Value))
		}
		*to = 0
		for _, v := range object.Value {
			*to = *to<<8 | uint32(v)
		}
	}
	return resources, nil
}
