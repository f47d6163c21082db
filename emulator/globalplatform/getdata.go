package globalplatform

import (
	"bytes"
	"encoding/binary"

	"ekrona/apdu"
	"ekrona/apdu/gpc"
	"ekrona/apdu/tlv"
	"ekrona/personalization/scp03"
)

// Object identifiers in card recognition data (GPC §H.2), as the content of DO 06.
const (
	oidGlobalPlatform = "\x2A\x86\x48\x86\xFC\x6B\x01"             // 1.2.840.114283.1
	oidVersion        = "\x2A\x86\x48\x86\xFC\x6B\x02\x02\x03\x01" // ...2.2.3.1: GlobalPlatform 2.3.1
	oidIdentification = "\x2A\x86\x48\x86\xFC\x6B\x03"             // ...3
	oidChannel        = "\x2A\x86\x48\x86\xFC\x6B\x04\x03"         // ...4.3.i: SCP03
	oidJavaCard       = "\x2B\x06\x01\x04\x01\x2A\x02\x6E\x01\x03" // 1.3.6.1.4.1.42.2.110.1.3: Java Card 3
)

// recognition is the content of card recognition data, tag 73.
func recognition() []byte {
	oid := func(tag byte, content string) []byte {
		out := []byte{0x06, byte(len(content))}
		out = append(out, content...)
		if tag != 0 {
			out = append([]byte{tag, byte(len(out))}, out...)
		}
		return out
	}
	return bytes.Join([][]byte{
		oid(0, oidGlobalPlatform), oid(0x60, oidVersion), oid(0x63, oidIdentification),
		oid(0x64, oidChannel+string(rune(parameterS8))), oid(0x66, oidJavaCard),
	}, nil)
}

// getData is GET DATA (GPC §11.3). An interindustry class asks for the value
// alone.
func (c *Card) getData(command apdu.Command) ([]byte, error) {
	if len(command.Data) > 0 {
		return nil, gpc.SWWrongData
	}
	tag := tlv.Tag(command.P1)<<8 | tlv.Tag(command.P2)
	object, err := c.dataObject(tag)
	if err != nil || command.CLA&gpc.ClassPlain != 0 {
		return object, err
	}
	o, err := tlv.NewReader(object).Next()
	return o.Value, err
}

// dataObject is the object with tag and length.
func (c *Card) dataObject(tag tlv.Tag) ([]byte, error) {
	if value, ok := c.state.object(tag); ok {
		return tlv.Append(nil, tag, value)
	}
	switch tag {
	case gpc.TagCPLC:
		return tlv.Append(nil, tag, c.cplc())
	case gpc.TagCardData:
		content, err := tlv.Append(nil, gpc.TagRecognition, recognition())
		if err != nil {
			return nil, err
		}
		return tlv.Append(nil, tag, content)
	case gpc.TagCapability:
		return tlv.Append(nil, tag, capability())
	case gpc.TagKeyTemplate:
		var keys []gpc.KeyInfo
		for _, k := range c.state.keys {
			keys = append(keys, gpc.KeyInfo{ID: k.id, Version: k.version, Type: gpc.KeyTypeAES, Length: len(k.value)})
		}
		return gpc.AppendKeyTemplate(nil, keys)
	case gpc.TagSequenceCounter:
		set, _, ok := c.state.keySetOf(gpc.DefaultKeyFirst)
		if !ok {
			return nil, gpc.SWNotFound
		}
		return tlv.Append(nil, tag, []byte{byte(set.sequence >> 16), byte(set.sequence >> 8), byte(set.sequence)})
	case gpc.TagResources:
		return c.resources()
	}
	return nil, gpc.SWNotFound
}

// resources is the extended card resources information (ETSI TS 102 226
// §8.2.1.7.2): applications, free persistent and transient memory.
func (c *Card) resources() ([]byte, error) {
	memory, err := c.card.Memory()
	if err != nil {
		return nil, err
	}
	content, err := tlv.Append(nil, 0x81, []byte{byte(len(c.card.Applets()))})
	if err == nil {
		content, err = tlv.Append(content, 0x82, binary.BigEndian.AppendUint32(nil, uint32(memory.NVMFree)))
	}
	if err == nil {
		content, err = tlv.Append(content, 0x83, binary.BigEndian.AppendUint32(nil, uint32(memory.ResetFree)))
	}
	if err != nil {
		return nil, err
	}
	return tlv.Append(nil, gpc.TagResources, content)
}

// cplc is the card production life cycle data, 42 bytes: the maker and type of the
// P71 family, this card's serial number and batch, and zeros where a factory would
// have left dates and equipment.
func (c *Card) cplc() []byte {
	out := make([]byte, 42)
	copy(out, []byte{0x47, 0x90, 0xD3, 0x21, 0x47, 0x00})
	copy(out[12:], c.state.identity[:6]) // serial number (4), batch (2)
	return out
}

// capability is card capability information (GPC tables H-5 to H-7): SCP03 with
// both parameters and all AES keys, what privileges applications may have, and the
// hashes that INSTALL [for load] may name.
func capability() []byte {
	out := []byte{0xA0, 0x0A, 0x80, 0x01, scp03.Protocol, 0x81, 0x02, parameterS8, parameterS16, 0x82, 0x01, 0x07, 0x82, 0x03}
	out = append(out, grantable.Bytes()...)
	return append(out, 0x83, 0x04, 0x01, 0x02, 0x03, 0x04) // SHA-1, SHA-256, SHA-384, SHA-512
}
