package gpc

import (
	"fmt"

	"ekrona.example/apdu/tlv"
)

// Tags in card capability information (GPC tables H-4 to H-6).
const (
	TagChannelInformation    tlv.Tag = 0xA0
	TagChannelProtocol       tlv.Tag = 0x80 // within A0
	TagChannelParameters     tlv.Tag = 0x81 // within A0: each i
	TagChannelKeys           tlv.Tag = 0x82 // within A0: AES key lengths, one bit each
	TagDomainPrivileges      tlv.Tag = 0x81
	TagApplicationPrivileges tlv.Tag = 0x82
	TagLoadFileHashes        tlv.Tag = 0x83
	TagTokenCiphers          tlv.Tag = 0x85
	TagReceiptCiphers        tlv.Tag = 0x86
	TagLoadFileSignatures    tlv.Tag = 0x87
	cipherECDSAP256                  = 0x40 // GPC table H-9: ECC P-256 with SHA-256
)

// aesLengths are what the bits of TagChannelKeys stand for (GPC table H-6).
var aesLengths = []int{128, 192, 256}

// Capability is the part of card capability information, 67, that an issuer needs (GPC
// §H.4).
type Capability struct {
	Channels []SecureChannel `json:"channels"`
	AES      []int           `json:"aes"` // lengths of keys for SCP03, in bits
	// Hashes are those of load files: 1 SHA-1, 2 SHA-256, 3 SHA-384, 4 SHA-512.
	Hashes    Hex  `json:"hashes"`
	ECDSAP256 bool `json:"ecdsa_p256"` // its security domains verify signatures over P-256
}

// ParseCapability reads 67 as GET DATA gives it. Unknown data objects are ignored.
func ParseCapability(b []byte) (*Capability, error) {
	content, err := only(b, TagCapability, "card capabilities")
	if err != nil {
		return nil, err
	}
	if r := tlv.NewReader(content); r.At(TagCapability) { // some cards wrap it twice
		if content, err = only(content, TagCapability, "card capabilities"); err != nil {
			return nil, err
		}
	}
	c := new(Capability)
	for r := tlv.NewReader(content); !r.Empty(); {
		object, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("%w: card capabilities: %w", ErrMalformed, err)
		}
		switch object.Tag {
		case TagChannelInformation:
			if err := c.channel(object.Value); err != nil {
				return nil, err
			}
		case TagLoadFileHashes:
			c.Hashes = object.Value
		case TagTokenCiphers, TagLoadFileSignatures:
			c.ECDSAP256 = c.ECDSAP256 || len(object.Value) > 0 &&
				object.Value[0]&cipherECDSAP256 != 0
		}
	}
	return c, nil
}

func (c *Capability) channel(b []byte) error {
	protocol, parameters := byte(0), []byte(nil)
	for r := tlv.NewReader(b); !r.Empty(); {
		object, err := r.Next()
		if err != nil {
			return fmt.Errorf("%w: card capabilities: %w", ErrMalformed, err)
		}
		switch {
		case object.Tag == TagChannelProtocol && len(object.Value) == 1:
			protocol = object.Value[0]
		case object.Tag == TagChannelParameters:
			parameters = object.Value
		case object.Tag == TagChannelKeys && len(object.Value) == 1:
			for i, bits := range aesLengths {
				if object.Value[0]>>i&1 != 0 {
					c.AES = append(c.AES, bits)
				}
			}
		}
	}
	for _, i := range parameters {
		c.Channels = append(c.Channels, SecureChannel{protocol, i})
	}
	return nil
}
