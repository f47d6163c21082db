package vocabulary

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
	"ekrona.example/apdu/trace"
)

// conversation is an exchange in lines.
// conversation is an exchange as a trace shows it, "{32 of 0}" in the place of so many zeros.
func conversation(c apdu.Command, r apdu.Response) string {
	text := trace.Text{}.Exchange(Decoder().Exchange(apdu.Exchange{Command: c, Response: r}))
	return strings.ReplaceAll(text, strings.Repeat("00", 32), "{32 of 0}")
}

func encode(t *testing.T, m message.Message) []byte {
	t.Helper()
	b, err := message.Encode(m)
	require.NoError(t, err)
	return b
}

func TestConversation(t *testing.T) {
	request := message.Request{
		Payee:  "SENORDIC00000002",
		Number: 7,
		Random: message.Random{1, 2, 3},
		Amount: 12500,
		Payer:  "SEFJORDB0000000A",
	}
	ask := spec.RequestPayment.Only().APDU(
		[]byte{0x81, 4, 0, 0, 0x30, 0xD4, 0x5F, 0x2A, 2, 7, 0x52},
	)
	assert.Equal(t, `> REQUEST
  AMOUNT                 125.00 kr
  CURRENCY               SEK
< 9000 OK
  REQUEST: the payee asks for an amount, once
    VERSION                2, ECDSA P-256 SHA-256
    PAYEE                  SENORDIC00000002
    NUMBER                 7
    RANDOM                 01020300000000000000000000000000
    AMOUNT                 125.00 kr
    CURRENCY               SEK
    PAYER                  SEFJORDB0000000A
    signed by payee        {32 of 0}... 32 more bytes
`, conversation(ask, apdu.Response{Data: encode(t, &request), SW: apdu.OK}))

	day, err := message.ParseDate("2026-11-22")
	require.NoError(t, err)
	instruct := spec.Instruct.Only().APDU(encode(t, &message.Instruction{
		InstructionKey: "SENORDIC00002", Notary: "SENOTARY00001", Device: "SENORDIC00000002",
		Sequence: 3, AckedATC: 9, Credit: 5,
		Policy: message.PilotPolicy(), Date: day, Actions: spec.ActionUnblock |
			spec.ActionResetTries,
	}))
	assert.Equal(t, `> INSTRUCTION
  INSTRUCTION: intermediary and notary acknowledge records and change the card
    VERSION                2, ECDSA P-256 SHA-256
    AUTHORITY              SENORDIC00002
    NOTARY                 SENOTARY00001
    DEVICE                 SENORDIC00000002
    INSTRUCTION_SEQUENCE   3
    ACKED_ATC              9
    HEAD                   {32 of 0}
    AMOUNT                 0.05 kr
    POLICY: 1
      VERSION                0
      MAX_BALANCE            3000.00 kr
      MAX_TRANSACTIONS       5
      MAX_PAYMENT            3000.00 kr
      MAX_SPENT              3000.00 kr
      FLAGS                  SPEND_RECEIVED, PIN_TO_RECEIVE, PLAINTEXT_PIN
    DATE                   2026-11-22
    ACTIONS                UNBLOCK, RESET_TRIES
    ORDER_NUMBER           0
    GROUP                  0
    signed by instruction key {32 of 0}... 32 more bytes
    signed by notary       {32 of 0}... 32 more bytes
< 940C SEQUENCE: Instruction is not the next
`, conversation(instruct, apdu.Response{SW: spec.SWSequence}))

	verify, _ := spec.Verify.Variant("plaintext")
	block, err := pin.NewBlock("1234")
	require.NoError(t, err)
	c := verify.APDU(block[:])
	assert.Equal(
		t,
		"> VERIFY plaintext\n  PIN                    8 bytes, hidden\n< 63C2 PIN_WRONG: PIN "+
			"wrong or not verified; tries left: 2\n",
		conversation(c, apdu.Response{SW: 0x63C2}),
	)
}

// isSecret reports whether one of the fields is a secret.
func isSecret(fields []spec.Field) bool {
	for _, f := range fields {
		if kind, _, _ := f.Value(); kind == spec.KindSecret {
			return true
		}
	}
	return false
}

// Whatever is done to a command that carries a PIN block or the personalization's
// cryptogram, cut, prolonged, chained, sent with wrong parameters: no run of three
// secret bytes shows.
func TestSecretsNeverShow(t *testing.T) {
	var variants []spec.Variant
	for _, c := range spec.Commands {
		for _, v := range c.Variants {
			if isSecret(v.In) && c != spec.Pay { // whose PIN is enciphered, and P2 00 has none
				variants = append(variants, v)
			}
		}
	}
	require.Len(t, variants, 9)
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(variants).Draw(t, "variant").APDU()
		secret := rapid.SliceOfN(rapid.ByteRange(0x11, 0x99), 3, 120).Draw(t, "secret")
		c.Data = secret
		c.P2 ^= byte(rapid.SampledFrom([]int{0, 0, 1, 8}).Draw(t, "P2"))
		c.CLA |= byte(rapid.SampledFrom([]int{0, apdu.ClassChaining, 0x80}).Draw(t, "CLA"))
		e := apdu.Exchange{Command: c, Response: apdu.Response{SW: spec.SWWrongData}}
		decoded := Decoder().Exchange(e)
		encoded, err := json.Marshal(decoded)
		require.NoError(t, err)
		text := trace.Text{Raw: true}.Exchange(decoded)
		text = strings.ReplaceAll(text, " ", "") + string(encoded)
		for i := range len(secret) - 2 {
			require.NotContains(t, text, fmt.Sprintf("%X", secret[i:i+3]))
		}
	})
}

// What a Recorder masks by the decoder's rule reaches no sink, and reads the same.
func TestARecorderMasks(t *testing.T) {
	verify, _ := spec.Verify.Variant("plaintext")
	block, err := pin.NewBlock("2580")
	require.NoError(t, err)
	var got []apdu.Exchange
	card := apdu.CardFunc(
		func(context.Context, apdu.Command) (apdu.Response,
			error) {
			return apdu.Response{SW: apdu.OK}, nil
		},
	)
	recorder := apdu.Recorder{
		Card:    card,
		Sink:    func(e apdu.Exchange) { got = append(got, e) },
		Secrets: Decoder().Follow().Rule().Secrets,
	}
	_, err = recorder.Transmit(t.Context(), verify.APDU(block[:]))
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.Equal(t, make([]byte, len(block)), got[0].Command.Data)
	assert.Equal(t, []apdu.Span{{From: 0, To: len(block)}}, got[0].Masked.Command)
	assert.Equal(
		t,
		conversation(verify.APDU(block[:]), apdu.Response{SW: apdu.OK}),
		trace.Text{}.Exchange(Decoder().Exchange(got[0])),
	)

	c := apdu.Command{CLA: 0x80, INS: 0x77, Data: []byte{1, 2, 3}}
	none := trace.Decoder{}.Exchange(apdu.Exchange{
		Command: apdu.Command{
			INS:  0xB0,
			Data: c.Data,
		}, Response: apdu.Response{Data: c.Data, SW: apdu.OK},
		Masked: apdu.Secrets{
			Command:  []apdu.Span{{From: 1, To: 2}},
			Response: []apdu.Span{{From: 2, To: 9}},
		},
	})
	encoded, err := json.Marshal(none)
	require.NoError(t, err)
	assert.NotContains(
		t,
		string(encoded),
		"010203",
		"what was masked for another reason stays masked",
	)
}

// The applet's own commands are not taken for a card manager's.
func TestTheAppletsCommandsStayItsOwn(t *testing.T) {
	for _, command := range spec.Commands {
		for _, v := range command.Variants {
			c := v.APDU()
			if command == spec.Select {
				c.Data = []byte(spec.AppletAID)
			}
			assert.Equal(t, v.Title(), Decoder().Command(c).Name)
			assert.Equal(t, command.Clause, Decoder().Command(c).Clause)
		}
	}
	other := spec.Select.Only().APDU([]byte{0xA0, 0, 0, 1, 0x51})
	assert.Equal(t, "GPC 2.3.1 §11.9", Decoder().Command(other).Clause)
	applet := spec.Select.Only().APDU([]byte(spec.AppletAID))
	assert.Contains(t, conversation(applet, apdu.Response{SW: 0x6A82}),
		"file or application not found")
}

// FuzzExchange: whatever bytes come, the leaves of each tree are all of them, in their
// order, at their offsets; and lines end.
func FuzzExchange(f *testing.F) {
	f.Add([]byte{0x80, 0x12, 0, 0, 2, 0xE1, 0}, []byte{0xE2, 0, 0x90, 0})
	f.Add([]byte{0, 0xB2, 1, 0x0C, 0}, []byte{0xE4, 1, 0xC0, 0x90, 0})
	f.Add([]byte{0, 0xCA, 0, 0xCB, 0}, []byte{0xCB, 1, 2, 0x90, 0})
	f.Add([]byte{0x80, 0xE6, 2, 0, 5, 0, 0, 0, 0, 0}, []byte{0, 0x90, 0})
	f.Add([]byte{0x80, 0x50, 0, 0, 0}, make([]byte, 34))
	f.Add([]byte{0, 0xB0, 0, 0, 0}, []byte{0x6F, 2, 0x84, 0, 0x90, 0})
	d := Decoder()
	f.Add([]byte{0, 0xB0}, []byte{0x42})
	f.Add([]byte{}, []byte("0"))
	// A masked byte reads as no other answer, nor does it stand in the sum of its parts.
	f.Add([]byte("\x80P00"), []byte("0a0"))
	f.Add([]byte("\x80P00"), []byte(strings.Repeat("0", 31)))
	f.Fuzz(func(t *testing.T, command, response []byte) {
		logged := d.Bytes(command, response)
		leaves(t, logged.Command, command)
		if logged.Response != nil {
			leaves(t, logged.Response, response)
		}
		require.True(t, strings.HasSuffix(trace.Text{Raw: true}.Exchange(logged), "\n"))
		c, err := apdu.ParseCommand(command)
		if err != nil {
			return
		}
		leaves(t, d.Command(c), command)
		require.True(t, strings.HasSuffix(trace.Text{Raw: true}.Command(d.Command(c)), "\n"))
		r, err := apdu.ParseResponse(response)
		if err != nil {
			return
		}
		leaves(t, d.Response(c, r), response)
		clear := apdu.Exchange{Command: c, Response: r}
		var e apdu.Exchange
		card := apdu.CardFunc(
			func(context.Context, apdu.Command) (apdu.Response, error) { return r, nil },
		)
		_, err = apdu.Recorder{
			Card:    card,
			Sink:    func(got apdu.Exchange) { e = got },
			Secrets: d.Follow().Rule().Secrets,
		}.Transmit(
			t.Context(),
			c,
		)
		require.NoError(t, err)
		require.Equal(
			t,
			trace.Text{Raw: true}.Exchange(d.Exchange(clear)),
			trace.Text{Raw: true}.Exchange(d.Exchange(e)),
		)
		_, err = json.Marshal(d.Sequence([]apdu.Exchange{e, e}))
		require.NoError(t, err)
	})
}

// leaves demands that the tree's leaves are the message, and every node its children.
func leaves(t *testing.T, n *trace.Node, message []byte) {
	t.Helper()
	require.Equal(t, append([]byte{}, message...), append([]byte{}, n.Raw...))
	var walk func(n *trace.Node)
	walk = func(n *trace.Node) {
		require.Equal(t, message[n.Offset:n.Offset+len(n.Raw)], append([]byte{}, n.Raw...), n.Name)
		if n.Tag != 0 {
			require.True(t, tlv.NewReader(n.Raw).At(n.Tag))
		}
		joined := []byte{}
		for _, c := range n.Children {
			walk(c)
			joined = append(joined, c.Raw...)
		}
		if len(n.Children) > 0 {
			require.Equal(t, append([]byte{}, n.Raw...), joined, n.Name)
		}
	}
	walk(n)
	var all []byte
	for _, l := range n.Leaves() {
		all = append(all, l.Raw...)
	}
	require.Equal(t, append([]byte{}, message...), append([]byte{}, all...))
}

// A trace of an Instruction: the longest of the applet's commands.
func BenchmarkDecode(b *testing.B) {
	instruction, err := message.Encode(&message.Instruction{
		InstructionKey: "SENORDIC00002", Notary: "SENOTARY00001", Device: "SENORDIC00000002",
		Policy: message.PilotPolicy(), Date: message.DateOf(time.Unix(1_800_000_000, 0)),
	})
	require.NoError(b, err)
	e := apdu.Exchange{
		Command:  spec.Instruct.Only().APDU(instruction),
		Response: apdu.Response{SW: spec.SWSequence},
	}
	d := Decoder()
	for b.Loop() {
		if text := (trace.Text{}).Exchange(d.Exchange(e)); text == "" {
			b.Fatal("nothing is said")
		}
	}
}
