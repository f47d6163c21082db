package conform

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"

	"ekrona.example/apdu"
)

// model is a card that keeps every rule, and breaks those that a test wants broken.
type model struct {
	breaks map[string]bool
	atr    []byte
	waits  bool // answers 61xx where it has data
	plain  bool // has no channels, no chaining

	open     map[int]bool
	selected map[int]bool
	waiting  []byte // for GET RESPONSE
	part     []byte // of a chain, nil for none
	random   *rand.Rand
	resets   int
	dead     bool
	numb     bool // until the next reset
}

var (
	modelAID = []byte{0xF0, 1, 2, 3, 4, 5}
	modelATR = []byte{0x3B, 0xD5, 0x18, 0xFF, 0x81, 0x91, 0xFE, 0x1F, 0xC3, 0x80, 0x73, 0xC8, 0x21,
		0x10, 0x0A}
)

func newModel(breaks ...string) *model {
	m := &model{breaks: map[string]bool{}, atr: modelATR, random: rand.New(rand.NewPCG(1, 2))}
	for _, b := range breaks {
		m.breaks[b] = true
	}
	return m
}

const modelChannels = 5 // beside the basic one

var errModelMute = errors.New("mute")

func (m *model) card() Card {
	whole := func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		return apdu.Over(ctx, c, func(raw []byte) (apdu.Response, error) {
			answer, err := m.bytes(raw)
			if err != nil {
				return apdu.Response{}, err
			}
			return apdu.ParseResponse(answer)
		})
	}
	return Card{Card: apdu.CardFunc(whole), Bytes: m.bytes, Reset: m.reset, Extended: true,
		ATR: func() []byte {
			if m.breaks["other ATR"] && m.resets > 1 {
				return append(bytes.Clone(m.atr[:len(m.atr)-2]), 0x11, 0x0B)
			}
			return m.atr
		}}
}

var errModelGone = errors.New("pulled out")

func (m *model) reset() error {
	if m.dead {
		return errModelGone
	}
	m.resets++
	if !m.breaks["channels survive resets"] || m.open == nil {
		m.open = map[int]bool{0: true}
	}
	m.selected, m.numb = map[int]bool{}, false
	if !m.breaks["parts survive resets"] {
		m.part = nil
	}
	if !m.breaks["responses survive resets"] {
		m.waiting = nil
	}
	if m.breaks["the same challenges after resets"] {
		m.random = rand.New(rand.NewPCG(1, 2))
	}
	return nil
}

func (m *model) bytes(raw []byte) ([]byte, error) {
	if m.dead {
		return nil, errModelGone
	}
	r, err := m.respond(raw)
	return r.Bytes(), err
}

func refuse(sw apdu.StatusWord) (apdu.Response, error) { return apdu.Response{SW: sw}, nil }

func (m *model) respond(raw []byte) (apdu.Response, error) {
	c, err := apdu.ParseCommand(raw)
	if err != nil {
		switch {
		case m.breaks["numb after malformed"]:
			m.numb = true
		case m.breaks["takes malformed"]:
			return refuse(apdu.OK)
		case m.breaks["mute at malformed"]:
			return apdu.Response{}, errModelMute
		}
		return refuse(apdu.SWWrongLength)
	}
	if m.breaks["SW1 is 60"] && c.INS == 0xC0 {
		return refuse(0x6000)
	}
	if m.breaks["SW1 is 00"] && c.CLA&0x80 != 0 {
		return refuse(0x0000)
	}
	if m.breaks["SW1 is 00 for data"] && c.INS == 0xCA {
		return refuse(0x0000)
	}
	if c.Extended && m.breaks["refuses extended"] {
		return refuse(apdu.SWWrongLength)
	}
	if c.Extended && m.breaks["garbles extended"] {
		return refuse(0x0000)
	}
	r, err := m.classed(c)
	if err == nil && c.INS == 0xA4 && r.SW>>8 >= 0x64 && m.breaks["selects nothing after errors"] {
		m.numb = true
	}
	return m.out(c, r), err
}

// out is how an answer leaves the card.
func (m *model) out(c apdu.Command, r apdu.Response) apdu.Response {
	isError := r.SW>>8 >= 0x64 && r.SW>>8 <= 0x6F
	switch {
	case isError && m.breaks["data beside errors"]:
		return apdu.Response{Data: []byte{1}, SW: r.SW}
	case isError && m.breaks["proprietary statuses"] && c.CLA < 0x20:
		return apdu.Response{SW: 0x9C06}
	case isError && m.breaks["6F00"]:
		return apdu.Response{SW: apdu.SWUnknown}
	case isError && m.breaks["6E01"]:
		return apdu.Response{SW: 0x6E01}
	case isError && m.breaks["6AFF"]:
		return apdu.Response{SW: 0x6AFF}
	case isError && m.breaks["6C00"]:
		return apdu.Response{SW: 0x6C00}
	case isError && m.breaks["takes all"]:
		return apdu.Response{SW: apdu.OK}
	case c.Ne == 0 && m.breaks["61 unasked"] && r.SW == apdu.OK:
		return apdu.Response{SW: 0x6108}
	}
	if r.SW != apdu.OK || len(r.Data) == 0 || c.INS == 0x70 {
		return r
	}
	if m.waits && c.Ne > 0 && c.INS != 0xC0 && c.INS != 0x84 {
		m.waiting = r.Data
		return apdu.Response{SW: 0x6100 | apdu.StatusWord(len(r.Data))}
	}
	if len(r.Data) > c.Ne {
		switch {
		case m.breaks["more than asked"], m.breaks["P2 of 0C brings data"] && c.P2 == 0x0C:
			return r
		case c.Ne == 0:
			return apdu.Response{SW: apdu.OK}
		case m.breaks["6C of what was sent"]:
			return apdu.Response{SW: 0x6C00 | apdu.StatusWord(c.Ne)}
		default:
			return apdu.Response{SW: 0x6C00 | apdu.StatusWord(len(r.Data))}
		}
	}
	return r
}

func (m *model) channelOf(cla byte) int {
	if cla&0x40 != 0 {
		return 4 + int(cla&0x0F)
	}
	return int(cla & 3)
}

func (m *model) classed(c apdu.Command) (apdu.Response, error) {
	channel, secured := m.channelOf(c.CLA), c.CLA&0x40 == 0 && c.CLA&0x0C != 0 || c.CLA&0x60 == 0x60
	switch {
	case c.CLA == 0xFF && m.breaks["takes class FF"], m.breaks["ignores the class"]:
		channel = 0
	case c.CLA == 0xFF:
		return refuse(apdu.SWClass)
	case c.CLA&0x80 != 0:
		return m.proprietary(c)
	case c.CLA&0xE0 == 0x20:
		if !m.breaks["takes reserved classes"] {
			return refuse(apdu.SWClass)
		}
		channel = 0
	case secured && !m.breaks["takes secured classes"]:
		return refuse(apdu.SWSecureMessaging)
	case c.CLA&0x60 == 0x60:
		channel = 0
	}
	if !m.open[channel] && !m.breaks["ignores channels"] {
		if m.breaks["6800 is 6985"] {
			return refuse(apdu.SWConditions)
		}
		return refuse(apdu.SWChannel)
	}
	if c.CLA&0x50 == 0x10 || c.CLA&0x50 == 0x50 {
		return m.chained(c)
	}
	if m.part != nil {
		c.Data, m.part = append(m.part, c.Data...), nil
		if c.INS != 0xA4 {
			if m.breaks["chains any"] {
				return apdu.Response{Data: c.Data, SW: apdu.OK}, nil
			}
			return refuse(apdu.SWLastExpected)
		}
	}
	return m.instruction(channel, c)
}

func (m *model) proprietary(c apdu.Command) (apdu.Response, error) {
	if c.INS == 0xCA && c.P1 == 0 && (c.P2 == 0x66 || c.P2 == 0xE0) {
		data := []byte{c.P2, 2, 5, 0}
		if m.breaks["wrong objects"] {
			data = []byte{c.P2 ^ 1, 2, 5, 0}
		}
		return apdu.Response{Data: data, SW: apdu.OK}, nil
	}
	return refuse(apdu.SWClass)
}

func (m *model) chained(c apdu.Command) (apdu.Response, error) {
	switch {
	case m.plain:
		return refuse(apdu.SWChaining)
	case m.breaks["chaining is 6985"]:
		return refuse(apdu.SWConditions)
	case c.INS == 0xC0 && !m.breaks["chains any"]:
		return refuse(apdu.SWConditions)
	}
	m.part = append(m.part, c.Data...)
	switch {
	case m.breaks["parts bring data"]:
		return apdu.Response{Data: []byte{1, 2}, SW: apdu.OK}, nil
	case m.breaks["parts are 62 with data"]:
		return apdu.Response{Data: []byte{1, 2}, SW: 0x6281}, nil
	}
	return refuse(apdu.OK)
}

func (m *model) instruction(channel int, c apdu.Command) (apdu.Response, error) {
	if c.INS != 0xC0 && !m.breaks["responses stay"] {
		defer func(before []byte) {
			if bytes.Equal(before, m.waiting) {
				m.waiting = nil
			}
		}(m.waiting)
	}
	switch c.INS {
	case 0xA4:
		return m.selects(channel, c)
	case 0xA5:
		if m.breaks["selects with A5"] {
			return m.selects(channel, c)
		}
	case 0x70:
		return m.manages(c)
	case 0xC0:
		return m.more(c)
	case 0xCA:
		return m.object(c)
	case 0x84:
		return m.challenge(c)
	case 0xB0:
		if m.breaks["reads anything"] {
			return apdu.Response{Data: []byte{1}, SW: apdu.OK}, nil
		}
		return refuse(0x6986)
	}
	if m.breaks["takes unknown instructions"] {
		return refuse(apdu.OK)
	}
	if m.breaks["unknown is 6985"] {
		return refuse(apdu.SWConditions)
	}
	return refuse(apdu.SWInstruction)
}

func (m *model) object(c apdu.Command) (apdu.Response, error) {
	if c.P1 == 0x9F && c.P2 == 0x7F {
		return apdu.Response{Data: append([]byte{0x9F, 0x7F, 5}, "CPLC!"...), SW: apdu.OK}, nil
	}
	if m.breaks["has every object"] {
		return apdu.Response{Data: []byte{c.P2, 1, 0}, SW: apdu.OK}, nil
	}
	return refuse(apdu.SWNotFound)
}

func (m *model) challenge(c apdu.Command) (apdu.Response, error) {
	data := make([]byte, min(c.Ne, 8))
	if m.breaks["short challenges"] {
		data = data[:min(len(data), 4)]
	}
	if m.breaks["long challenges"] {
		data = make([]byte, 9)
	}
	for i := range data {
		data[i] = byte(m.random.Uint32())
	}
	if m.breaks["the same challenges"] {
		clear(data)
	}
	return apdu.Response{Data: data, SW: apdu.OK}, nil
}

func (m *model) more(c apdu.Command) (apdu.Response, error) {
	if m.breaks["responses without end"] {
		return apdu.Response{Data: []byte{1, 2}, SW: apdu.OK}, nil
	}
	if m.waiting == nil && m.breaks["empty responses"] {
		return refuse(apdu.OK)
	}
	if m.waiting == nil || c.P1 != 0 || c.P2 != 0 {
		return refuse(apdu.SWConditions)
	}
	data := m.waiting
	m.waiting = nil
	if m.breaks["responses are short"] {
		data = data[1:]
	}
	return apdu.Response{Data: data, SW: apdu.OK}, nil
}

func (m *model) manages(c apdu.Command) (apdu.Response, error) {
	switch {
	case m.plain:
		return refuse(apdu.SWChannel)
	case m.breaks["channel 0x20"] && c.P1 == 0:
		return apdu.Response{Data: []byte{0x20}, SW: apdu.OK}, nil
	case m.breaks["two bytes of channel"] && c.P1 == 0:
		return apdu.Response{Data: []byte{1, 1}, SW: apdu.OK}, nil
	case m.breaks["channel 1 only"] && c.P1 == 0:
		m.open[1] = true
		return apdu.Response{Data: []byte{1}, SW: apdu.OK}, nil
	case m.breaks["manages anything"] &&
		(c.P1 != 0 && c.P1 != 0x80 || c.P2 > 19 || len(c.Data) > 0):
		return refuse(apdu.OK)
	case len(c.Data) > 0:
		return refuse(apdu.SWWrongLength)
	case c.P1 == 0x80 && m.breaks["closes nothing"]:
		return refuse(apdu.OK)
	case c.P1 == 0x80 && m.breaks["closing is refused"]:
		return refuse(apdu.SWConditions)
	case c.P1 == 0x80 && c.P2 == 0 && m.breaks["closes the basic channel"]:
		return refuse(apdu.OK)
	case c.P1 == 0x80 && (c.P2 == 0 || !m.open[int(c.P2)]):
		return refuse(0x6A81)
	case c.P1 == 0x80:
		if !m.breaks["closed for good"] {
			delete(m.open, int(c.P2))
		}
		if m.breaks["closing brings data"] {
			return apdu.Response{Data: []byte{1}, SW: apdu.OK}, nil
		}
		return refuse(apdu.OK)
	case c.P1 != 0:
		return refuse(apdu.SWWrongP1P2)
	case c.P2 != 0:
		if c.P2 > modelChannels || m.open[int(c.P2)] {
			return refuse(apdu.SWChannel)
		}
		m.open[int(c.P2)] = true
		if m.breaks["numbered channels bring data"] {
			return apdu.Response{Data: []byte{c.P2}, SW: apdu.OK}, nil
		}
		return refuse(apdu.OK)
	}
	if m.breaks["one channel in a life"] && m.breaks["opened"] {
		return refuse(apdu.SWNotSupported)
	}
	for n := 1; n <= modelChannels; n++ {
		if !m.open[n] {
			m.open[n] = true
			m.breaks["opened"] = true
			return apdu.Response{Data: []byte{byte(n)}, SW: apdu.OK}, nil
		}
	}
	return refuse(apdu.SWNotSupported)
}
