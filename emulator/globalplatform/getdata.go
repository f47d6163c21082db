package globalplatform

import (
	"bytes"
	"encoding/binary"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/apdu/tlv"
)

// recognition is the content of card recognition data, tag 73: that of a P71 by the
// report in issue 221 of github.com/martinpaljak/GlobalPlatformPro and like ones,
// which name GlobalPlatform 2.3.
func recognition() []byte {
	oid := func(template tlv.Tag, content string) []byte {
		out := append([]byte{0x06, byte(len(content))}, content...)
		if template != 0 {
			out = append([]byte{byte(template), byte(len(out))}, out...)
		}
		return out
	}
	return bytes.Join([][]byte{
		oid(0, gpc.OIDGlobalPlatform),
		oid(gpc.TagRecognitionVersion, gpc.OIDVersionPrefix+"\x02\x03"),
		oid(gpc.TagRecognitionScheme, gpc.OIDIdentification),
		oid(gpc.TagRecognitionChannel,
			gpc.OIDChannelPrefix+string([]byte{scp03.Protocol, parameterS8})),
		oid(gpc.TagRecognitionConfig, gpc.OIDConfiguration20),
		oid(gpc.TagRecognitionPlatform, gpc.OIDJavaCardPrefix+"\x03"),
	}, nil)
}

// getData is GET DATA (GPC §11.3). An interindustry class asks for the value
// alone.
func (c *Card) getData(command apdu.Command) ([]byte, error) {
	if len(command.Data) > 0 {
		return nil, apdu.SWWrongData
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
		return tlv.Append(nil, tag, c.cplc().Bytes())
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
			keys = append(keys, gpc.KeyInfo{ID: k.id, Version: k.version, Type: gpc.KeyTypeAES,
				Length: len(k.value)})
		}
		return gpc.AppendKeyTemplate(nil, keys)
	case gpc.TagDiversification:
		return tlv.Append(nil, tag, c.state.identity[:])
	case gpc.TagSequenceCounter:
		set, _, ok := c.state.keySetOf(gpc.DefaultKeyFirst)
		if !ok {
			return nil, apdu.SWNotFound
		}
		return tlv.Append(nil, tag, []byte{byte(set.sequence >> 16), byte(set.sequence >> 8),
			byte(set.sequence)})
	case gpc.TagResources:
		return c.resources()
	}
	return nil, apdu.SWNotFound
}

// resources is the extended card resources information (ETSI TS 102 226
// §8.2.1.7.2): applications, free persistent and transient memory.
func (c *Card) resources() ([]byte, error) {
	memory, err := c.card.Memory()
	if err != nil {
		return nil, err
	}
	return gpc.Resources{
		Applications: uint32(len(c.card.Applets())), Persistent: uint32(memory.NVMFree),
		Transient: uint32(memory.ResetFree),
	}.Encode()
}

// cplc is the card production life cycle data: maker, chip, operating system and day of
// fabrication as in the report named at recognition, this card's serial number and
// batch, and zeros where the preparation of cards records dates and equipment.
func (c *Card) cplc() *gpc.CPLC {
	if of, err := gpc.ParseCPLC(c.card.Profile().CPLC); err == nil {
		of.Serial = binary.BigEndian.Uint32(c.state.identity[:])
		of.Batch = binary.BigEndian.Uint16(c.state.identity[4:])
		return of
	}
	return &gpc.CPLC{
		Fabricator: gpc.ICFabricatorNXP, ICType: 0xD321, OperatingSystem: 0x4700,
		FabricationDate: 0x8345,
		Serial:          binary.BigEndian.Uint32(c.state.identity[:]),
		Batch:           binary.BigEndian.Uint16(c.state.identity[4:]),
	}
}

// capability is card capability information (GPC tables H-5 to H-7): SCP03 with
// both parameters and all AES keys, what privileges applications may have, and the
// hashes that INSTALL [for load] may name.
func capability() []byte {
	out := []byte{0xA0, 0x0A, 0x80, 0x01, scp03.Protocol, 0x81, 0x02, parameterS8, parameterS16,
		0x82, 0x01, 0x07, 0x82, 0x03}
	out = append(out, grantable.Bytes()...)
	return append(out, 0x83, 0x04, 0x01, 0x02, 0x03, 0x04) // SHA-1, SHA-256, SHA-384, SHA-512
}
