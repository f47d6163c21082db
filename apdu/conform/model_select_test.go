package conform

import (
	"bytes"
	"context"
	"fmt"

	"ekrona.example/apdu"
)

// selects is SELECT.
func (m *model) selects(channel int, c apdu.Command) (apdu.Response, error) {
	if m.breaks["selects nothing"] || m.numb {
		return refuse(apdu.SWConditions)
	}
	if m.breaks["selects once"] && m.selected[channel] && bytes.Equal(c.Data, modelAID) &&
		c.P2 == 0 {
		return refuse(apdu.SWConditions)
	}
	if m.breaks["selects on the basic channel only"] && channel != 0 {
		return refuse(apdu.SWInstruction)
	}
	if m.breaks["forgets the name"] && channel != 0 {
		m.numb = true
	}
	if m.breaks["ends at a channel"] && channel != 0 {
		m.breaks["selects nothing"] = true
	}
	if c.P1 != 4 {
		if m.breaks["finds any file"] {
			return apdu.Response{Data: []byte{0x6F, 9, 1}, SW: apdu.OK}, nil
		}
		return refuse(apdu.SWFileNotFound)
	}
	if len(c.Data) == 0 {
		if m.breaks["garbled templates"] {
			return apdu.Response{Data: []byte{0x6F, 9, 1}, SW: apdu.OK}, nil
		}
		return apdu.Response{Data: m.fci(0x6F), SW: apdu.OK}, nil
	}
	found := bytes.Equal(c.Data, modelAID) ||
		len(c.Data) >= 5 && bytes.HasPrefix(modelAID, c.Data)
	if m.breaks["finds longer names"] && bytes.HasPrefix(c.Data, modelAID) {
		found = true
	}
	if m.breaks["finds any name"] {
		found = true
	}
	if m.breaks["P2 is ignored"] {
		c.P2 = 0
	}
	switch which := c.P2 & 3; {
	case c.P2&0xF0 != 0:
		switch {
		case m.breaks["P2 reserved is 6985"]:
			return refuse(apdu.SWConditions)
		case m.breaks["P2 reserved selects"]:
			return apdu.Response{Data: m.fci(0x6F), SW: apdu.OK}, nil
		case m.breaks["P2 reserved is garbled"]:
			return refuse(0x0000)
		}
		return refuse(apdu.SWWrongP1P2)
	case !found:
		if m.breaks["unknown is 6985"] {
			return refuse(apdu.SWConditions)
		}
		return refuse(apdu.SWFileNotFound)
	case which == 2 && m.selected[channel] && !m.breaks["occurs for ever"], which == 1, which == 3:
		return refuse(apdu.SWFileNotFound)
	case m.breaks["parts of names are 6985"] && len(c.Data) < len(modelAID):
		return refuse(apdu.SWConditions)
	}
	m.selected[channel] = true
	r := apdu.Response{SW: apdu.OK}
	switch c.P2 & 0x0C {
	case 0:
		r.Data = m.fci(0x6F)
	case 4:
		r.Data = m.fci(0x62)
	case 8:
		r.Data = m.fci(0x64)
	}
	switch {
	case m.breaks["one template"] && c.P2&0x0C != 0x0C:
		r.Data = m.fci(0x6F)
	case m.breaks["P2 of 0C brings data"]:
		r.Data = m.fci(0x6F)
	}
	if m.breaks["longer in extended form"] && c.Extended {
		r.Data = append(r.Data, 0)
	}
	if m.breaks["longer each time"] {
		r.Data = append(r.Data, make([]byte, m.resets%7)...)
	}
	if m.breaks["refuses Le of 1"] && c.Ne == 1 {
		return refuse(apdu.SWConditions)
	}
	if m.breaks["needs Le"] && c.Ne == 0 {
		return refuse(apdu.SWWrongLength)
	}
	if m.breaks["warns every second time"] && m.random.Uint32()&1 == 0 {
		r.SW = 0x6283
	}
	return r, nil
}

func (m *model) fci(tag byte) []byte {
	name := modelAID
	if m.breaks["another name"] {
		name = []byte{0xA0, 0, 0, 0, 3}
	}
	inner := append([]byte{0x84, byte(len(name))}, name...)
	switch {
	case m.breaks["garbled templates"]:
		return []byte{tag, byte(len(inner)) + 1, 0x84}
	case m.breaks["no template"]:
		return inner
	case m.breaks["nameless"]:
		return []byte{tag, 2, 0xA5, 0}
	}
	return append([]byte{tag, byte(len(inner))}, inner...)
}

func (m *model) String() string { return fmt.Sprint(m.breaks) }

// pullAt is a card that is pulled out during a command.
type pullAt struct {
	now   func() bool
	model *model
	below apdu.Card
}

func (p pullAt) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	if p.now() {
		p.model.dead = true
	}
	return p.below.Transmit(ctx, c)
}

// always is a card that answers the same bytes to all.
type always []byte

func (a always) Transmit(context.Context, apdu.Command) (apdu.Response, error) {
	r, err := apdu.ParseResponse(a)
	if err != nil {
		return apdu.Response{SW: 0}, nil
	}
	return r, nil
}
