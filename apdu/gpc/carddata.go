package gpc

import (
	"fmt"
	"strings"

	"ekrona.example/apdu/tlv"
)

// Object identifiers in card recognition data (GPC §H.2), as the content of DO 06;
// more arcs follow those that end in a prefix.
const (
	OIDGlobalPlatform = "\x2A\x86\x48\x86\xFC\x6B\x01" // 1.2.840.114283.1
	// ...2, then the version
	OIDVersionPrefix  = "\x2A\x86\x48\x86\xFC\x6B\x02"
	OIDIdentification = "\x2A\x86\x48\x86\xFC\x6B\x03" // ...3
	// ...4, then protocol and i
	OIDChannelPrefix = "\x2A\x86\x48\x86\xFC\x6B\x04"
	// ...5.7.2.0.0: Common Implementation Configuration 2.0
	OIDConfiguration20 = "\x2A\x86\x48\x86\xFC\x6B\x05\x07\x02\x00\x00"
	// 1.3.6.1.4.1.42.2.110.1, then the version
	OIDJavaCardPrefix         = "\x2B\x06\x01\x04\x01\x2A\x02\x6E\x01"
	tagOID            tlv.Tag = 0x06
)

// Tags of the templates in card recognition data (GPC table H-2).
const (
	TagRecognitionVersion  tlv.Tag = 0x60
	TagRecognitionScheme   tlv.Tag = 0x63
	TagRecognitionChannel  tlv.Tag = 0x64
	TagRecognitionConfig   tlv.Tag = 0x65
	TagRecognitionPlatform tlv.Tag = 0x66
)

// SecureChannel is a secure channel protocol with its parameter i.
type SecureChannel struct {
	Protocol byte `json:"protocol"` // 2 for SCP02, 3 for SCP03
	I        byte `json:"i"`
}

// String is "SCP03 i=70".
func (s SecureChannel) String() string { return fmt.Sprintf("SCP%02X i=%02X", s.Protocol, s.I) }

// CardData is card recognition data, 66 (GPC §H.2).
type CardData struct {
	Version  string          `json:"version"`   // of GlobalPlatform, "2.3.1"; empty if absent
	Channels []SecureChannel `json:"channels"`  // of the issuer security domain
	JavaCard string          `json:"java_card"` // version, "3"; empty if absent
}

// ParseCardData reads 66 as GET DATA gives it. Unknown data objects are ignored.
func ParseCardData(b []byte) (*CardData, error) {
	content, err := only(b, TagCardData, "card data")
	if err != nil {
		return nil, err
	}
	if content, err = only(content, TagRecognition, "card recognition data"); err != nil {
		return nil, err
	}
	d := new(CardData)
	for r := tlv.NewReader(content); !r.Empty(); {
		object, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("%w: card recognition data: %w", ErrMalformed, err)
		}
		oids := []string{string(object.Value)}
		if object.Tag != tagOID { // a channel's template may hold one for each protocol
			oids = nil
			for inside := tlv.NewReader(object.Value); inside.At(tagOID); {
				oid, err := inside.Next()
				if err != nil {
					return nil, fmt.Errorf("%w: card recognition data: %w", ErrMalformed, err)
				}
				oids = append(oids, string(oid.Value))
			}
		}
		for _, oid := range oids {
			d.take(oid)
		}
	}
	return d, nil
}

// take reads one object identifier, whose prefix identifies its kind: some cards put
// the channel outside its template.
func (d *CardData) take(oid string) {
	if rest, found := strings.CutPrefix(oid, OIDVersionPrefix); found {
		d.Version = dotted(rest)
	}
	if rest, found := strings.CutPrefix(oid, OIDChannelPrefix); found {
		if arcs := arcsOf(rest); len(arcs) == 2 && arcs[0] <= 0xFF && arcs[1] <= 0xFF {
			d.Channels = append(d.Channels, SecureChannel{byte(arcs[0]), byte(arcs[1])})
		}
	}
	if rest, found := strings.CutPrefix(oid, OIDJavaCardPrefix); found {
		d.JavaCard = dotted(rest)
	}
}

// ObjectIdentifier is an object identifier in numbers with dots, "" if it is none, and what
// GlobalPlatform calls it in card recognition data, "" if that is not known.
func ObjectIdentifier(encoded []byte) (numbers, meaning string) {
	arcs := arcsOf(string(encoded))
	if len(arcs) == 0 {
		return "", ""
	}
	const roots = 40 // X.690 §8.19.4
	first := min(arcs[0]/roots, 2)
	numbers = fmt.Sprintf("%d.%d", first, arcs[0]-first*roots)
	for _, arc := range arcs[1:] {
		numbers += fmt.Sprintf(".%d", arc)
	}
	d := new(CardData)
	d.take(string(encoded))
	switch {
	case string(encoded) == OIDGlobalPlatform:
		meaning = "GlobalPlatform"
	case string(encoded) == OIDIdentification:
		meaning = "identified by issuer and card number"
	case string(encoded) == OIDConfiguration20:
		meaning = "Common Implementation Configuration 2.0"
	case d.Version != "":
		meaning = "GlobalPlatform " + d.Version
	case len(d.Channels) > 0:
		meaning = d.Channels[0].String()
	case d.JavaCard != "":
		meaning = "Java Card " + d.JavaCard
	}
	return numbers, meaning
}

// arcsOf are the numbers of the end of an object identifier, each in groups of seven
// bits (X.690 §8.19); nil if they are cut short or too large.
func arcsOf(encoded string) []uint32 {
	arcs, n := []uint32{}, uint32(0)
	for i := range len(encoded) {
		if n > 1<<24 {
			return nil
		}
		n = n<<7 | uint32(encoded[i]&0x7F)
		if encoded[i]&0x80 == 0 {
			arcs, n = append(arcs, n), 0
		} else if i == len(encoded)-1 {
			return nil
		}
	}
	return arcs
}

func dotted(encoded string) string {
	var parts []string
	for _, arc := range arcsOf(encoded) {
		parts = append(parts, fmt.Sprint(arc))
	}
	return strings.Join(parts, ".")
}

// Value gives the value of the data object that GET DATA answered with.
func Value(b []byte, t tlv.Tag) ([]byte, error) { return only(b, t, "GET DATA "+t.String()) }

// only gives the value of the one data object that b is.
func only(b []byte, t tlv.Tag, what string) ([]byte, error) {
	r := tlv.NewReader(b)
	object, err := r.Expect(t)
	if err == nil {
		err = r.End()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrMalformed, what, err)
	}
	return object.Value, nil
}
