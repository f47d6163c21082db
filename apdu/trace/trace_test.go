package trace

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona/apdu"
	"ekrona/apdu/message"
	"ekrona/apdu/pin"
	"ekrona/apdu/spec"
)

func encode(t *testing.T, m message.Message) []byte {
	t.Helper()
	b, err := message.Encode(m)
	require.NoError(t, err)
	return b
}

func TestConversation(t *testing.T) {
	request := message.Request{Payee: "SENORDIC00000002", Number: 7, Random: message.Random{1, 2, 3}, Amount: 12500, Payer: "SEFJORDB0000000A"}
	ask := spec.RequestPayment.Only().APDU([]byte{0x81, 4, 0, 0, 0x30, 0xD4, 0x5F, 0x2A, 2, 7, 0x52})
	assert.Equal(t, `> REQUEST
  AMOUNT                 125.00 kr
  CURRENCY               SEK
< 9000 OK
  REQUEST: the payee asks for an amount, once
    VERSION                1
    PAYEE                  SENORDIC00000002
    NUMBER                 7
    RANDOM                 0102030000000000
    AMOUNT                 125.00 kr
    CURRENCY               SEK
    PAYER                  SEFJORDB0000000A
    signed by payee        0000000000000000.. (64 bytes)
`, Command(ask)+Response(ask, apdu.Response{Data: encode(t, &request), SW: apdu.OK}))

	day, err := message.ParseDate("2026-11-22")
	require.NoError(t, err)
	instruct := spec.Instruct.Only().APDU(encode(t, &message.Instruction{
		InstructionKey: "SENORDIC00002", Notary: "SENOTARY00001", Device: "SENORDIC00000002", Sequence: 3, AckedATC: 9, Credit: 5,
		Policy: message.PilotPolicy(), Date: day, Actions: spec.ActionUnblock | spec.ActionResetTries,
	}))
	assert.Equal(t, `> INSTRUCTION
  INSTRUCTION: intermediary and notary acknowledge records and change the card
    VERSION                1
    AUTHORITY              SENORDIC00002
    NOTARY                 SENOTARY00001
    DEVICE                 SENORDIC00000002
    INSTRUCTION_SEQUENCE   3
    ACKED_ATC              9
    HEAD                   0000000000000000.. (32 bytes)
    AMOUNT                 0.05 kr
    POLICY: 1
      VERSION                0
      MAX_BALANCE            3000.00 kr
      MAX_TRANSACTIONS       5
      MAX_PAYMENT            3000.00 kr
      FLAGS                  SPEND_RECEIVED, PIN_TO_RECEIVE, PLAINTEXT_PIN
    DATE                   2026-11-22
    ACTIONS                UNBLOCK, RESET_TRIES
    signed by instruction key 0000000000000000.. (64 bytes)
    signed by notary       0000000000000000.. (64 bytes)
< 940C SEQUENCE: Instruction is not the next
`, Command(instruct)+Response(instruct, apdu.Response{SW: spec.SWSequence}))

	verify, _ := spec.Verify.Variant("plaintext")
	block, err := pin.NewBlock("1234")
	require.NoError(t, err)
	c := verify.APDU(block[:])
	assert.Equal(t, "> VERIFY plaintext\n  PIN                    8 bytes, hidden\n< 63C2 PIN_WRONG: PIN wrong or not verified; tries left: 2\n",
		Command(c)+Response(c, apdu.Response{SW: 0x63C2}))
}

func TestCardTraces(t *testing.T) {
	var to strings.Builder
	lost := errors.New("the card was removed")
	answer := func() (apdu.Response, error) { return apdu.Response{SW: apdu.OK}, nil }
	card := Card{Card: apdu.CardFunc(func(context.Context, apdu.Command) (apdu.Response, error) { return answer() }), To: &to}
	_, err := card.Transmit(context.Background(), spec.Activate.Only().APDU())
	require.NoError(t, err)
	answer = func() (apdu.Response, error) { return apdu.Response{}, lost }
	_, err = card.Transmit(context.Background(), spec.ReadRecord.Only().APDU())
	require.ErrorIs(t, err, lost)
	assert.Equal(t, "> ACTIVATE\n< 9000 OK\n> READ RECORD log, number 1\n< no answer: the card was removed\n", to.String())
}

// Whatever is done to a command that carries a PIN block or the personalization's
// cryptogram, cut, prolonged, chained, sent with wrong parameters: no run of three
// secret bytes shows.
func TestSecretsNeverShow(t *testing.T) {
	var variants []spec.Variant
	for _, c := range spec.Commands {
		for _, v := range c.Variants {
			if hasSecret(v.In) {
				variants = append(variants, v)
			}
		}
	}
	require.Len(t, variants, 7)
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(variants).Draw(t, "variant").APDU()
		secret := rapid.SliceOfN(rapid.ByteRange(0x11, 0x99), 3, 120).Draw(t, "secret")
		c.Data = secret
		c.P2 ^= byte(rapid.SampledFrom([]int{0, 0, 1, 8}).Draw(t, "P2"))
		c.CLA |= byte(rapid.SampledFrom([]int{0, apdu.ClassChaining, 0x80}).Draw(t, "CLA"))
		text := strings.ReplaceAll(Command(c)+Response(c, apdu.Response{SW: spec.SWWrongData}), " ", "")
		for i := range len(secret) - 2 {
			require.NotContains(t, text, fmt.Sprintf("%X", secret[i:i+3]))
		}
	})
}

// FuzzCommandAndResponse: any bytes give lines that end, whatever they are.
func FuzzCommandAndResponse(f *testing.F) {
	f.Add([]byte{0x80, 0x12, 0, 0, 2, 0xE1, 0}, []byte{0xE2, 0, 0x90, 0})
	f.Add([]byte{0, 0xB2, 1, 0x0C, 0}, []byte{0xE4, 1, 0xC0, 0x90, 0})
	f.Add([]byte{0, 0xCA, 0, 0xCB, 0}, []byte{0xCB, 1, 2, 0x90, 0})
	f.Fuzz(func(t *testing.T, command, response []byte) {
		c, err := apdu.ParseCommand(command)
		if err != nil {
			return
		}
		require.True(t, strings.HasSuffix(Command(c), "\n"))
		r, err := apdu.ParseResponse(response)
		if err != nil {
			return
		}
		require.True(t, strings.HasSuffix(Response(c, r), "\n"))
	})
}
