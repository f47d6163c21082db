package globalplatform

import (
	"bytes"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/tlv"
)

func isSelect(c apdu.Command) bool {
	return c.CLA == gpc.ClassISO && c.INS == gpc.InsSelect && c.P1 == gpc.P1ByName
}

// selectByName is SELECT on the basic channel (GPC §6.4.2, §11.9): of the issuer
// security domain by its AID, the beginning of it or no name at all; else of the
// applet that the card below finds, unless its life cycle forbids it.
func (c *Card) selectByName(command apdu.Command, raw []byte) (apdu.Response, error) {
	if c.state.life == gpc.Terminated {
		return apdu.Response{SW: apdu.SWConditions}, nil
	}
	found, ok := c.card.Find(command.P2, command.Data)
	exactly := ok && bytes.Equal(found, command.Data)
	if command.P2&gpc.P2WhichMask == gpc.P2First && bytes.HasPrefix(c.state.aid, command.Data) &&
		!exactly {
		return c.selectDomain(command)
	}
	if c.state.life == gpc.CardLocked {
		return apdu.Response{SW: apdu.SWNotSupported}, nil
	}
	if ok && !c.state.app(found).selectable() {
		return apdu.Response{SW: apdu.SWFileNotFound}, nil
	}
	if !ok && c.selected {
		return apdu.Response{SW: apdu.SWFileNotFound}, nil
	}
	if barred, err := c.card.Barred(found); barred || err != nil {
		return apdu.Response{SW: apdu.SWConditions}, err
	}
	// also where no applet is meant: the selected one may know the name
	response, err := c.below(raw)
	if err == nil && ok {
		c.selected = false
		c.endSession()
	}
	return response, err
}

// The parts of P2 of SELECT that ask for other data than the file control information, or are
// reserved (ISO/IEC 7816-4:2013 §11.1.1).
const (
	p2DataMask = 0xFC
	p2NoData   = 0x0C
)

func (c *Card) selectDomain(command apdu.Command) (apdu.Response, error) {
	c.last.Manager = gpc.InsSelect
	which := command.P2 & p2DataMask
	if which != 0 && which != p2NoData {
		return apdu.Response{SW: apdu.SWWrongP1P2}, nil
	}
	if err := c.act(c.card.Deselect); err != nil {
		return apdu.Response{}, err
	}
	c.selected = true
	c.endSession()
	data, err := c.fci()
	response := apdu.Response{Data: data, SW: apdu.OK}
	switch {
	case command.Ne == 0 || which == p2NoData: // none was asked for
		response.Data = nil
	case len(data) > command.Ne:
		return wrongLe(data), err
	}
	if c.state.life == gpc.CardLocked {
		response.SW = apdu.SWDeactivated
	}
	return response, err
}

// wrongLe tells how much data there is (ISO/IEC 7816-4:2013 §5.6, SW1 6C).
func wrongLe(data []byte) apdu.Response {
	return apdu.Response{SW: apdu.SWWrongLe | apdu.StatusWord(byte(len(data)))}
}

// maxData is the most data of a command, given in the FCI.
const maxData = apdu.MaxShortData

// fci is the file control information (GPC table 11-82), as short as that of a P71.
func (c *Card) fci() ([]byte, error) {
	proprietary, err := tlv.Append(nil, gpc.TagMaxData, []byte{maxData})
	var content []byte
	if err == nil {
		content, err = tlv.Append(nil, gpc.TagAIDOfFCI, c.state.aid)
	}
	if err == nil {
		content, err = tlv.Append(content, gpc.TagProprietary, proprietary)
	}
	if err != nil {
		return nil, err
	}
	return tlv.Append(nil, gpc.TagFCI, content)
}
