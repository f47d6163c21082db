package globalplatform

import (
	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/tlv"
)

// P1 of STORE DATA (GPC table 11-89).
const (
	storeEncryption = 0x60
	storeStructure  = 0x18
	storeDGI        = 0x08
	storeTLV        = 0x10
	dgiTLV          = 0x0070 // holds data objects in BER-TLV
)

// stored collects the blocks of one STORE DATA.
type stored struct {
	next byte
	data []byte
}

// storable are the data objects that a host may write (GPC §11.11.2.3), each with
// the most bytes that it may have.
var storable = map[tlv.Tag]int{
	gpc.TagIIN: 32, gpc.TagCIN: 32, gpc.TagAID: gpc.MaxAIDLength, gpc.TagCardData: 128,
	gpc.TagCapability: 128,
}

// storeData is STORE DATA to the security domain itself (GPC §11.11). The blocks
// take effect together with the last one.
func (c *Card) storeData(command apdu.Command) ([]byte, error) {
	if c.target != nil {
		return c.personalize(command)
	}
	s := c.stored
	c.stored = stored{}
	if command.P2 != s.next || command.P1&storeEncryption != 0 {
		return nil, apdu.SWWrongP1P2
	}
	if len(s.data)+len(command.Data) > maxChain {
		return nil, apdu.SWNoMemory
	}
	data := append(s.data, command.Data...)
	if command.P1&gpc.LastBlock == 0 {
		c.stored = stored{s.next + 1, append([]byte{}, data...)}
		return nil, nil
	}
	switch command.P1 & storeStructure {
	case 0, storeTLV:
	case storeDGI:
		if len(data) < 3 || int(data[0])<<8|int(data[1]) != dgiTLV || int(data[2]) != len(data)-3 {
			return nil, apdu.SWWrongData
		}
		data = data[3:]
	default:
		return nil, apdu.SWWrongP1P2
	}
	return nil, c.store(data)
}

// personalize gives a STORE DATA command to the applet, header included, and takes its
// answer. What the applet refuses leaves the personalization open.
func (c *Card) personalize(command apdu.Command) (data []byte, err error) {
	applet := c.target
	command.Ne, command.Extended = 0, false
	raw, err := command.Bytes()
	if err != nil {
		return nil, err
	}
	var sw apdu.StatusWord
	err = c.act(func() error {
		data, sw, err = c.card.Personalize(applet, raw)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case sw != apdu.OK:
		return nil, sw
	case command.P1&gpc.LastBlock != 0:
		c.target = nil
	}
	return data, nil
}

func (c *Card) store(data []byte) error {
	var objects []tlv.Object
	for r := tlv.NewReader(data); !r.Empty(); {
		o, err := r.Next()
		most, known := storable[o.Tag]
		if err != nil || !known || len(o.Value) > most {
			return apdu.SWWrongData
		}
		if o.Tag == gpc.TagAID && (len(o.Value) < gpc.MinAIDLength || !c.isDomain(o.Value) &&
			c.taken(o.Value)) {
			return apdu.SWWrongData
		}
		objects = append(objects, o)
	}
	if len(objects) == 0 {
		return apdu.SWWrongData
	}
	return c.update(func(s *state) {
		for _, o := range objects {
			if o.Tag == gpc.TagAID {
				s.aid = o.Value
				continue
			}
			s.setObject(o.Tag, o.Value)
		}
	})
}
