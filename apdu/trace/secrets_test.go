package trace

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
)

// A secret in an answer is masked whatever the status word, in whatever parts it comes, and
// also in the Wire of what a Recorder above Framing has; what is no secret is seen.
func TestSecretsInParts(t *testing.T) {
	secret := []byte("THE-SECRET-PLAINTEXT")
	object := append([]byte{0x82, byte(len(secret))}, secret...)
	d := New(Vocabulary{Forms: []Form{
		{
			Name: "EXPORT", CLA: 0x80, INS: 0x30,
			Out: []Field{{Name: "KEY", Tag: 0x82, Secret: true}},
		},
		{Name: "SHOW", CLA: 0x80, INS: 0x31, Out: []Field{{Name: "NUMBER", Tag: 0x82}}},
	}})
	for name, c := range map[string]struct {
		command apdu.Command
		answer  []byte
		seen    bool
	}{
		"PSO": {
			apdu.Command{INS: 0x2A, P1: 0x80, P2: 0x86, Data: []byte{1}}, secret, false,
		},
		"form":        {apdu.Command{CLA: 0x80, INS: 0x30}, object, false},
		"secured":     {apdu.Command{CLA: 0x0C, INS: 0xB0}, secret, false},
		"secured GP":  {apdu.Command{CLA: 0x84, INS: 0xCA, P2: 0xE0}, secret, false},
		"unknown":     {apdu.Command{CLA: 0x80, INS: 0x44}, secret, false},
		"READ BINARY": {apdu.Command{INS: 0xB0}, secret, true},
		"GET DATA":    {apdu.Command{CLA: 0x80, INS: 0xCA}, object, true},
		"open form":   {apdu.Command{CLA: 0x80, INS: 0x31}, object, true},
	} {
		for _, first := range []int{0, 1, len(c.answer) - 3, len(c.answer)} {
			for _, last := range []apdu.StatusWord{apdu.OK, 0x6282, 0x6310, 0x6A80} {
				card := apdu.CardFunc(func(_ context.Context, sent apdu.Command) (apdu.Response,
					error) {
					rest := len(c.answer) - first
					switch {
					case sent.INS == insGetResponse && sent.Ne != rest:
						return apdu.Response{SW: 0x6C00 | apdu.StatusWord(rest)}, nil
					case sent.INS == insGetResponse:
						return apdu.Response{Data: c.answer[first:], SW: last}, nil
					case rest == 0:
						return apdu.Response{Data: c.answer, SW: last}, nil
					}
					return apdu.Response{Data: c.answer[:first], SW: 0x6100}, nil
				})
				var below []byte
				var whole, clear apdu.Exchange
				recorded := apdu.Recorder{
					Card: card, Secrets: d.Follow().Rule().Secrets,
					Sink: func(e apdu.Exchange) { below = append(below, e.Response.Data...) },
				}
				open := apdu.Recorder{Card: card, Sink: func(apdu.Exchange) {}}
				above := apdu.Recorder{
					Card: apdu.Framing{Card: recorded}, Secrets: d.Follow().Rule().Secrets,
					Sink: func(e apdu.Exchange) { whole = e },
				}
				_, err := above.Transmit(t.Context(), c.command)
				require.NoError(t, err)
				above.Card, above.Secrets = apdu.Framing{Card: open}, nil
				above.Sink = func(e apdu.Exchange) { clear = e }
				_, err = above.Transmit(t.Context(), c.command)
				require.NoError(t, err)

				label := []any{"%s, %d bytes first, %v", name, first, last}
				require.Len(t, below, len(c.answer), label...)
				for i, b := range secret {
					at := len(c.answer) - len(secret) + i
					if c.seen {
						require.Equal(t, b, below[at], label...)
						require.Equal(t, b, whole.Response.Data[at], label...)
						continue
					}
					require.Zero(t, below[at], label...)
					require.Zero(t, whole.Response.Data[at], label...)
				}
				if !c.seen { // a Recorder that masked nothing: the decoder does
					text, err := d.Exchange(clear).MarshalJSON()
					require.NoError(t, err)
					for _, hex := range []string{"544845", "534543", "494E54"} { // THE SEC INT
						require.NotContains(t, string(text), hex, label...)
					}
				}
			}
		}
	}
}

// The last part of a chain is masked as those before it, also when it is sent again; a command
// that stands alone is not.
func TestSecretsOfTheLastPart(t *testing.T) {
	key := bytes.Repeat([]byte{0xAA}, 20)
	last := apdu.Command{CLA: 0x80, INS: gpc.InsPutKey, P1: 1, P2: 0x81, Data: key}
	part := last
	part.CLA |= apdu.ClassChaining
	all := []apdu.Span{{From: 0, To: len(key)}}
	ok := apdu.Response{SW: apdu.OK}
	alone := []apdu.Span{{From: 1, To: len(key)}}

	rule := New().Follow().Rule().Secrets
	assert.Equal(t, alone, rule(last, ok).Command)
	assert.Equal(t, all, rule(part, ok).Command)
	assert.Equal(t, all, rule(part, ok).Command)
	assert.Equal(t, all, rule(last, apdu.Response{SW: 0x6C05}).Command)
	assert.Equal(t, all, rule(last, ok).Command)
	assert.Equal(t, alone, rule(last, ok).Command)
	assert.Equal(t, all, rule(part, apdu.Response{SW: 0x6A80}).Command)
	assert.Equal(t, alone, rule(last, ok).Command, "the card refused the part before")

	open := New(Vocabulary{Forms: []Form{{Name: "SAY", CLA: 0x80, INS: 0x31, In: []Field{{}}}}})
	said := apdu.Command{CLA: 0x80, INS: 0x31, Data: key}
	rule = open.Follow().Rule().Secrets
	part = said
	part.CLA |= apdu.ClassChaining
	assert.Empty(t, rule(part, ok).Command)
	assert.Empty(t, rule(said, ok).Command)
}

// A part of the answer to INITIALIZE UPDATE may hold the cryptogram; when GET RESPONSE brings
// all of it, the rest is seen.
func TestInitializeUpdateInParts(t *testing.T) {
	c := apdu.Command{CLA: 0x80, INS: gpc.InsInitializeUpdate, Data: make([]byte, 8)}
	get := apdu.Command{INS: insGetResponse, Ne: 29}
	answer := make([]byte, 29)
	rule := New().Follow().Rule().Secrets
	rule(c, apdu.Response{SW: 0x611D})
	whole := rule(get, apdu.Response{Data: answer, SW: apdu.OK})
	assert.Equal(t, []apdu.Span{{From: 21, To: 29}}, whole.Response)
	first := rule(c, apdu.Response{Data: answer[:25], SW: 0x6104})
	assert.Equal(t, []apdu.Span{{From: 0, To: 25}}, first.Response)
	rest := rule(get, apdu.Response{Data: answer[25:], SW: apdu.OK})
	assert.Equal(t, []apdu.Span{{From: 0, To: 4}}, rest.Response)
}

// The vocabulary of an application says nothing of what is secret to another that is selected:
// a rule hides of such a command what it hides of an unknown one, as a Follower does.
func TestSecretsOfAnotherApplication(t *testing.T) {
	ours, other := []byte{0xF0, 1, 2, 3, 4}, []byte{0xF0, 9, 9, 9, 9}
	d := New(Vocabulary{AIDs: [][]byte{ours}, Forms: []Form{
		{Name: "OPEN", CLA: 0x80, INS: 0x12, In: []Field{{Name: "TEXT", Length: 8}},
			Out: []Field{{Name: "BACK", Length: 8}}},
	}})
	c := apdu.Command{CLA: 0x80, INS: 0x12, Data: []byte("12341234")}
	r := apdu.Response{Data: []byte("43214321"), SW: apdu.OK}
	all := []apdu.Span{{From: 0, To: 8}}
	rule := d.Follow().Rule().Secrets
	selecting := func(aid []byte, sw apdu.StatusWord) {
		rule(apdu.Command{INS: gpc.InsSelect, P1: gpc.P1ByName, Data: aid}, apdu.Response{SW: sw})
	}
	assert.Empty(t, rule(c, r))
	selecting(other, 0x6A82)
	assert.Empty(t, rule(c, r), "the SELECT was refused")
	selecting(other, apdu.OK)
	assert.Equal(t, apdu.Secrets{Command: all, Response: all}, rule(c, r))
	part := c
	part.CLA |= apdu.ClassChaining
	assert.Equal(t, all, rule(part, apdu.Response{SW: apdu.OK}).Command)
	selecting(ours, apdu.OK)
	assert.Empty(t, rule(c, r))
}

// Chains on several logical channels, interleaved, are told apart: the last part of each is hidden
// as those before it.
func TestSecretsOfInterleavedChains(t *testing.T) {
	key := bytes.Repeat([]byte{0xAA}, 20)
	all := []apdu.Span{{From: 0, To: len(key)}}
	ok := apdu.Response{SW: apdu.OK}
	rule := New().Follow().Rule()
	command := func(channel int, more byte) apdu.Command {
		return apdu.Command{CLA: 0x80 | apdu.ClassOfChannel(channel) | more, INS: gpc.InsPutKey,
			P1: 1, P2: 0x81, Data: key}
	}
	channels := []int{0, 1, 2, 3, 4, 5, 19}
	for range 2 {
		for _, channel := range channels {
			assert.Equal(t, all, rule.Secrets(command(channel, apdu.ClassChaining), ok).Command)
		}
	}
	setBack := rule.Save()
	for _, channel := range channels {
		assert.Equal(t, all, rule.Hidden(command(channel, 0)), "channel %d", channel)
		assert.Equal(t, all, rule.Secrets(command(channel, 0), ok).Command, "channel %d", channel)
	}
	alone := rule.Secrets(command(0, 0), ok).Command
	assert.NotEqual(t, all, alone)
	setBack()
	assert.Equal(t, all, rule.Secrets(command(0, 0), ok).Command)
	rule.Reset()
	assert.Equal(t, alone, rule.Secrets(command(0, 0), ok).Command)
}
