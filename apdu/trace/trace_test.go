package trace

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
)

// toy is the vocabulary of an application of two commands.
func toy() Vocabulary {
	amount := func(b []byte) string { return "amount " + string(b) }
	return Vocabulary{
		AIDs: [][]byte{[]byte("\xF0TOY\x01")},
		Forms: []Form{
			{Name: "SPEND", Clause: "toy §1", CLA: 0x80, INS: 0x10, In: []Field{
				{
					Name:     "PURSE",
					Tag:      0xE1,
					Template: true,
					Meaning:  "what is spent",
					Fields: []Field{
						{
							Name: "AMOUNT",
							Tag:  0x81,
							Text: amount,
						}, {Name: "PIN", Tag: 0x82, Secret: true},
						{Name: "NOTE", Tag: 0x83, Optional: true},
					},
					After: []Field{{Name: "seal", Tag: 0x84}},
				},
			}},
			{
				Name:     "LIST",
				CLA:      0x80,
				INS:      0x11,
				P1:       1,
				Numbered: true,
				NoData:   "all of it",
				Out: []Field{
					{
						Name:  "ENTRIES",
						Tag:   0x85,
						Parts: []Field{{Name: "DAY", Length: 1}, {Name: "SUM", Length: 2}},
					},
				},
			},
		},
		Status: func(sw apdu.StatusWord) (string, string, bool) {
			return "POOR", "nothing is left",
				sw == 0x9401
		},
	}
}

var (
	spend = apdu.Command{
		CLA:  0x80,
		INS:  0x10,
		Data: []byte{0xE1, 0x07, 0x81, 1, '5', 0x82, 2, 0x12, 0x34, 0x84, 1, 0xAA},
	}
	list = apdu.Command{CLA: 0x80, INS: 0x11, P1: 3, Ne: 256}
	poor = apdu.Response{SW: 0x9401}
	some = apdu.Response{Data: []byte{0x85, 7, 1, 0, 2, 3, 0, 4, 9}, SW: apdu.OK}
)

// Another applet's vocabulary is a value.
func TestVocabulary(t *testing.T) {
	d := New(toy())
	assert.Equal(t, `> SPEND
  = 801000000CE1078101358202****8401AA
  PURSE: what is spent
    AMOUNT                 amount 5
    PIN                    2 bytes, hidden
    seal                   AA
< 9401 POOR: nothing is left
  = 9401
> LIST, number 3
  = 8011030000
  no data: all of it
< 9000 OK
  = 8507010002030004099000
  ENTRIES: 2
    DAY                    01
    SUM                    0002
    DAY                    03
    SUM                    0004
    09 left over
`, text(d, spend, poor)+text(d, list, some))
	broken := spend
	broken.Data = broken.Data[:11]
	assert.Contains(
		t,
		text(d, broken, poor),
		"  = 801000000B**********************\n  11 bytes, hidden: they do not parse\n",
	)
	assert.Contains(
		t,
		text(d, list, apdu.Response{Data: []byte{1, 2}, SW: apdu.OK}),
		"  does not parse: ",
	)
	assert.Contains(
		t,
		text(d, list, apdu.Response{Data: []byte{1, 2}, SW: 0x6982}),
		"  2 bytes, not whole\n",
	)
	part := spend
	part.CLA |= 0x10
	assert.Contains(t, text(d, part, apdu.Response{SW: apdu.OK}), "  part of a chain, 12 bytes\n")
}

func text(d Decoder, c apdu.Command, r apdu.Response) string {
	return Text{Raw: true}.Exchange(d.Exchange(apdu.Exchange{Command: c, Response: r}))
}

// Cards without a known application: ISO 7816-4 alone.
func TestInterindustry(t *testing.T) {
	d := Decoder{}
	for _, row := range []struct {
		command apdu.Command
		answer  apdu.Response
		want    string
	}{
		{apdu.Command{INS: 0xB0, P2: 4, Ne: 3}, apdu.Response{Data: []byte{1, 2, 3}, SW: apdu.OK},
			"> READ BINARY\n  = 00B0000403\n  P1-P2                  0004\n< 9000 OK\n  = " +
				"0102039000\n  010203\n"},
		{apdu.Command{INS: 0x20, P2: 1, Data: []byte{1, 2}}, apdu.Response{SW: 0x63C2},
			"> VERIFY\n  = 0020000102****\n  P1-P2                  0001\n  2 bytes, hidden\n< " +
				"63C2 TRIES_LEFT: wrong or not verified; tries left: 2\n  = 63C2\n"},
		{apdu.Command{INS: 0x2A, Data: []byte{1}}, apdu.Response{Data: []byte{7}, SW: apdu.OK},
			"> PERFORM SECURITY OPERATION\n  = 002A000001**\n  P1-P2                  0000\n  1 " +
				"bytes, hidden\n< 9000 OK\n  = **9000\n  1 bytes, hidden\n"},
		{apdu.Command{CLA: 0x0C, INS: 0xB0, Data: []byte{1}},
			apdu.Response{Data: []byte{7}, SW: apdu.OK},
			"> READ BINARY\n  = 0CB0000001**\n  P1-P2                  0000\n  under secure " +
				"messaging, 1 bytes\n< 9000 OK\n  = **9000\n  under secure messaging, 1 bytes\n"},
		{apdu.Command{INS: 0xCB, P1: 0x3F, P2: 0xFF, Data: []byte{0x5C, 1, 0x7E}, Ne: 256},
			apdu.Response{SW: 0x6100},
			"> GET DATA\n  = 00CB3FFF035C017E00\n  P1-P2                  3FFF\n" +
				"  5C tag list            7E\n< 6100 MORE_DATA: 256 more bytes of the answer " +
				"are waiting\n  = 6100\n"},
		{apdu.Command{INS: 0x2D, P2: 1}, apdu.Response{SW: apdu.SWInstruction},
			"> 00 2D 00 01, interindustry class; instruction 2D is not one of ISO/IEC 7816\n" +
				"  = 002D0001\n< 6D00 INS_NOT_SUPPORTED: " +
				"instruction not supported or invalid\n  = 6D00\n"},
		{apdu.Command{CLA: 0x90, INS: 0x77, Data: []byte{1}}, apdu.Response{SW: 0x6C10},
			"> 90 77 00 00, proprietary\n  = 9077000001**\n  part of a chain, 1 bytes\n" +
				"< 6C10 WRONG_LE: wrong Le; 16 bytes are available\n  = 6C10\n"},
	} {
		assert.Equal(t, row.want, text(d, row.command, row.answer))
	}
	n := d.Response(
		apdu.Command{INS: 0xA4, P1: 4, Ne: 256},
		apdu.Response{Data: []byte{0x6F, 4, 0x84, 2, 1, 2}, SW: apdu.OK},
	)
	fci := n.Children[0].Children[0]
	assert.Equal(t, "file control information", fci.Name)
	assert.Equal(t, 4, fci.Children[1].Offset+len(fci.Children[1].Raw)-2)
	assert.Equal(t, "0102", fci.Children[1].Value)
}

// What others have logged need be no command at all.
func TestBytes(t *testing.T) {
	d := New(toy())
	raw := func(e Exchange) string { return Text{Raw: true}.Exchange(e) }
	assert.Equal(t, text(d, list, some), raw(d.Bytes([]byte{0x80, 0x11, 3, 0, 0}, some.Bytes())))
	assert.Equal(t, `> no command, apdu: a command has at least 4 bytes, this has 2
  = ****
  2 bytes, hidden
< no response: apdu: a response has 2 to 65538 bytes, this has 1
  = **
  1 bytes, hidden
`, raw(d.Bytes([]byte{1, 2}, []byte{3})))
	assert.Contains(t, raw(d.Bytes([]byte{1, 2}, []byte{7, 0x90, 0})), "< 9000 OK\n  = **9000\n")
	assert.Contains(t, raw(d.Bytes([]byte{1, 2}, nil)), "< no answer\n")
}

// What programs read keeps its names.
func TestJSON(t *testing.T) {
	d := New(toy())
	e := apdu.Exchange{
		Label: "reader 1", Command: spend, Response: poor, Began: time.Unix(0, 0).UTC(),
		Took: 1500 * time.Microsecond,
		Wire: []apdu.Exchange{{Command: apdu.Command{INS: 0xC0}, Err: errors.New("gone")}},
	}
	got, err := json.Marshal(d.Exchange(e))
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"label": "reader 1", "began": "1970-01-01T00:00:00Z", "took_us": 1500,
		"command": {"name": "SPEND", "clause": "toy §1", "offset": 0, "length": 17, "children": [
			{"name": "CLA", "offset": 0, "length": 1, "raw": "80", "value": "80"},
			{"name": "INS", "offset": 1, "length": 1, "raw": "10", "value": "10"},
			{"name": "P1", "offset": 2, "length": 1, "raw": "00", "value": "00"},
			{"name": "P2", "offset": 3, "length": 1, "raw": "00", "value": "00"},
			{"name": "Lc", "offset": 4, "length": 1, "raw": "0C", "value": "0C"},
			{"name": "PURSE", "tag": "E1", "offset": 5, "length": 12, "value": "what is spent", "children": [
				{"name": "tag and length", "offset": 5, "length": 2, "raw": "E107", "value": "E107"},
				{"name": "AMOUNT", "tag": "81", "offset": 7, "length": 3, "raw": "810135", "value": "amount 5"},
				{"name": "PIN", "tag": "82", "offset": 10, "length": 4, "value": "2 bytes, hidden", "masked": true, "children": [
					{"name": "tag and length", "offset": 10, "length": 2, "raw": "8202", "value": "8202"},
					{"name": "secret", "offset": 12, "length": 2, "value": "2 bytes, hidden", "masked": true}
				]},
				{"name": "seal", "tag": "84", "offset": 14, "length": 3, "raw": "8401AA", "value": "AA"}
			]}
		]},
		"response": {"name": "9401 POOR", "offset": 0, "length": 2, "value": "nothing is left", "children": [
			{"name": "SW1-SW2", "clause": "ISO/IEC 7816-4:2013 §5.6", "offset": 0, "length": 2, "raw": "9401", "value": "9401"}
		]},
		"wire": [{"took_us": 0, "error": "gone", "command": {
			"name": "GET RESPONSE", "clause": "ISO/IEC 7816-4:2013 §11.7.1", "offset": 0, "length": 4, "children": [
				{"name": "CLA", "offset": 0, "length": 1, "raw": "00", "value": "00"},
				{"name": "INS", "offset": 1, "length": 1, "raw": "C0", "value": "C0"},
				{"name": "P1-P2", "offset": 2, "length": 2, "raw": "0000", "value": "0000"}
			]}}]
	}`, string(got))
}

// What Framing splits is joined again, and nothing else is.
func TestSequence(t *testing.T) {
	var wire, whole []apdu.Exchange
	first := true
	card := apdu.CardFunc(func(_ context.Context, c apdu.Command) (apdu.Response, error) {
		switch {
		case c.IsChained():
			return apdu.Response{SW: apdu.OK}, nil
		case c.INS == insGetResponse && c.Ne == 2:
			return apdu.Response{Data: []byte{5, 6}, SW: apdu.OK}, nil
		case c.INS == insGetResponse:
			return apdu.Response{Data: []byte{3, 4}, SW: 0x6102}, nil
		case c.INS == 0xB0 && c.Ne != 2:
			return apdu.Response{SW: 0x6C02}, nil
		case c.INS == 0xB0, first:
			first = false
			return apdu.Response{Data: []byte{1, 2}, SW: 0x6103}, nil
		}
		return apdu.Response{SW: 0x6A82}, nil
	})
	recorder := apdu.Recorder{Card: card, Sink: func(e apdu.Exchange) { wire = append(wire, e) }}
	above := apdu.Recorder{
		Card: apdu.Framing{Card: recorder},
		Sink: func(e apdu.Exchange) { whole = append(whole, e) },
	}
	long := apdu.Command{CLA: 0x80, INS: 0xDA, Data: make([]byte, 600), Ne: 256}
	for _, c := range []apdu.Command{long, {INS: 0xB0, Ne: 256}, {INS: 0xA4}, {INS: 0xA4}} {
		_, err := above.Transmit(t.Context(), c)
		require.NoError(t, err)
	}
	require.Len(t, wire, 5+4+2)
	joined := Join(wire)
	require.Len(t, joined, len(whole))
	for i, e := range joined {
		assert.Equal(t, whole[i].Response.Bytes(), e.Response.Bytes())
		assert.Equal(t, whole[i].Command.Data, append([]byte(nil), e.Command.Data...))
		assert.Equal(t, whole[i].Command.CLA, e.Command.CLA)
		assert.Equal(t, len(whole[i].OnWire()), len(e.OnWire()))
	}
	decoded := Decoder{}.Sequence(wire)
	require.Len(t, decoded[0].Wire, 5)
	require.Len(t, decoded[0].Command.Raw, 4+3+600+2)

	broken := append(wire[:2:2], wire[9:]...) // the chain's last part never came
	assert.Len(t, Join(broken), 4)
	assert.Len(t, Join(wire[:2]), 2)
}

// A class whose bits mean nothing stays what it is when its answer comes in parts.
func TestJoinedClass(t *testing.T) {
	joined := Join([]apdu.Exchange{
		{Command: apdu.Command{CLA: 0xB0, INS: 0x10, Data: []byte{1}, Ne: 256},
			Response: apdu.Response{Data: []byte{1}, SW: 0x6101}},
		{Command: apdu.Command{INS: insGetResponse, Ne: 1},
			Response: apdu.Response{Data: []byte{2}, SW: apdu.OK}},
		{Command: apdu.Command{CLA: 0xB0, INS: 0x10}, Response: apdu.Response{SW: apdu.OK}},
	})
	require.Len(t, joined, 2)
	assert.Equal(t, byte(0xB0), joined[0].Command.CLA)
	assert.Equal(t, []byte{1, 2}, joined[0].Response.Data)
	assert.NotContains(t, Text{}.Exchange(Decoder{}.Exchange(joined[0])), "chain")
}

// The spans of parts move with them.
func TestJoinedMasks(t *testing.T) {
	part := apdu.Exchange{
		Command:  apdu.Command{CLA: 0x10, INS: 0x24, Data: []byte{0, 0, 9}},
		Response: apdu.Response{SW: apdu.OK},
	}
	part.Masked.Command = []apdu.Span{{From: 0, To: 2}}
	last := part
	last.Command.CLA = 0
	last.Err = errors.New("lost")
	got := Join([]apdu.Exchange{part, last})
	require.Len(t, got, 1)
	assert.Equal(t, []apdu.Span{{From: 0, To: 2}, {From: 3, To: 5}}, got[0].Masked.Command)
	require.Error(t, got[0].Err)
}

// A log shows exchanges when they are over, those without a response too, and resets.
func TestLog(t *testing.T) {
	var to strings.Builder
	lost := errors.New("the card was removed")
	answer := func() (apdu.Response, error) { return apdu.Response{SW: apdu.OK}, nil }
	log := Text{}.Log(&to, New(toy()))
	card := apdu.Recorder{
		Card: apdu.CardFunc(
			func(context.Context, apdu.Command) (apdu.Response, error) { return answer() },
		),
		Sink: log.Exchange,
	}
	selecting := apdu.Command{INS: gpc.InsSelect, P1: gpc.P1ByName, Data: toy().AIDs[0]}
	_, err := card.Transmit(t.Context(), selecting)
	require.NoError(t, err)
	to.Reset()
	_, err = card.Transmit(t.Context(), list)
	require.NoError(t, err)
	answer = func() (apdu.Response, error) { return apdu.Response{}, lost }
	_, err = card.Transmit(t.Context(), list)
	require.ErrorIs(t, err, lost)
	said := "> LIST, number 3\n  no data: all of it\n"
	assert.Equal(t, said+"< 9000 OK\n"+said+"< no answer: the card was removed\n", to.String())
	to.Reset()
	log.Reset([]byte{0x3B, 0x80})
	_, err = card.Transmit(t.Context(), list)
	require.ErrorIs(t, err, lost)
	assert.Equal(t, "reset, ATR 3B80\n> 80 11 03 00, proprietary\n"+
		"< no answer: the card was removed\n", to.String())
	assert.Equal(
		t,
		said+"< no answer\n",
		Text{}.Exchange(Exchange{Command: New(toy()).Command(list)}),
	)
}
