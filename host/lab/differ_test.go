package lab

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/script"
	"ekrona.example/emulator/card"
	"ekrona.example/host/shell"
)

// other is a second virtual card in the place of another implementation.
type other struct {
	*card.Card
	subject *Subject
	alter   func(c apdu.Command, r *apdu.Response)
}

func (o *other) Install(ctx context.Context, _, _ []byte) error {
	s := *o.subject
	s.Seed = "another"
	b, err := s.Open(ctx)
	if err == nil {
		b.Managed.Leave()
		o.Card = b.Managed.Below()
	}
	return err
}

func (o *other) Reset(context.Context) error {
	o.Card.Reset()
	return nil
}

func (o *other) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	r, err := o.Card.Transmit(ctx, c)
	if o.alter != nil {
		o.alter(c, &r)
	}
	return r, err
}

func differHello(
	t *testing.T, script string, alter func(c apdu.Command, r *apdu.Response),
) (DifferReport, error) {
	t.Helper()
	s := &Subject{Profile: card.P71, CAPs: []string{"../../emulator/examples/hello/hello.cap"},
		InstallAll: true, Words: shell.Words()}
	lines, err := s.ReadScript(strings.NewReader(script))
	require.NoError(t, err)
	d := &Differ{Subject: s, Script: lines, Other: &other{subject: s, alter: alter}, Seed: 1,
		Runs: 30, KnownFault: func(c Compared) string {
			if c.Command.CLA == 0x42 {
				return "known"
			}
			return ""
		}}
	return d.Run(t.Context())
}

// Two cards that are the same have no difference, and one that is altered has one, with the
// commands that lead there.
func TestDiffer(t *testing.T) {
	script, err := os.ReadFile("../../emulator/examples/hello/hello.txt")
	require.NoError(t, err)
	r, err := differHello(t, string(script), nil)
	require.NoError(t, err)
	assert.Empty(t, r.Differences)
	assert.Equal(t, 31, r.Runs)
	assert.Greater(t, r.Commands, 200)

	r, err = differHello(t, string(script), func(c apdu.Command, r *apdu.Response) {
		if c.INS == 0x06 && r.SW == apdu.OK {
			r.Data[1]++
		}
	})
	require.NoError(t, err)
	require.NotEmpty(t, r.Differences)
	first := r.Differences[0]
	assert.Equal(t, []string{"8006000000", "00029000", "00039000"},
		[]string{first.Command, first.Card, first.Other})
	assert.Equal(t, "reset 00A4040007F048454C4C4F0100 8002000000 8004000003416461 8002000000 "+
		"8006000000", strings.Join(first.Script, " "))
	var text strings.Builder
	r.WriteText(&text)
	assert.Contains(t, text.String(), "the other one             00039000")

	r, err = differHello(t, "select F048454C4C4F01\n4202000000\n",
		func(c apdu.Command, r *apdu.Response) {
			if c.CLA == 0x42 {
				r.SW = apdu.SWUnknown
			}
		})
	require.NoError(t, err)
	require.Len(t, r.SetAside, 1)
	assert.Equal(t, "known", r.SetAside[0].Reason)

	for script, want := range map[string]string{
		"secure test\n": "not for a card of another", "cut 1\n": "no command to compare",
		"select F0\n": "", "install F048454C4C4F01 F048454C4C4F02\n8002000000\n": "",
	} {
		_, err := differHello(t, script, nil)
		if want == "" {
			assert.NoError(t, err, script)
			continue
		}
		assert.ErrorContains(t, err, want, script)
	}
}

// What is drawn is no difference: not where two cards draw the same byte, and not where two
// signatures have the same length by chance.
func TestDrawnIsNoDifference(t *testing.T) {
	answer := func(hex string) apdu.Response {
		data, err := apdu.ParseHex(hex)
		require.NoError(t, err)
		return apdu.Response{Data: data, SW: apdu.OK}
	}
	own := []apdu.Response{answer("04AA01"), answer("04AA02")}
	assert.True(t, same(own, answer("04AA03")))
	assert.False(t, same(own, answer("04AB03")), "both have drawn AA, for all that they show")
	assert.False(t, same(own, answer("04AA0304")))
	assert.True(t, same(append(own, answer("04AC01")), answer("04AB03")))
	assert.False(t, same(append(own, answer("04AC01")), answer("05AB03")))
	assert.True(t, same(append(own, answer("04AA0304")), answer("04AB")))
	assert.False(t, same(append(own, answer("04AA0304")), answer("")))
	waits := func(data string, more apdu.StatusWord) apdu.Response {
		r := answer(data)
		r.SW = apdu.SWMoreData + more
		return r
	}
	assert.True(t, same([]apdu.Response{waits("00", 0x40), waits("00", 0x3F)}, waits("29", 0x41)),
		"the length that is drawn may wait")
	assert.False(t, same([]apdu.Response{waits("00", 0x40), waits("00", 0x40)}, waits("00", 0x41)))
	assert.False(t, same([]apdu.Response{waits("00", 2), waits("00", 2)}, answer("000000")))
}

// Where the virtual card goes mute the other one is not asked: that is said, with the place, and is
// no error. What came out of the applet, and that a transaction was undone, is told to who knows
// the other one's faults.
func TestDifferTellsWhatItKnows(t *testing.T) {
	const mute = "where the virtual card goes mute the other one is not asked: depth fault at " +
		"F050524F4202 method@866+10: more than 128 nested calls"
	for script, want := range map[string]string{
		"8056 0000 00":                  "",
		"8016 03E8 00":                  mute, // fibonacci
		"8033 0000 00":                  "thrown ArithmeticException",
		"8060 0001 00\n8056 0000 00":    "", // committed
		"8060 0101 00\n8056 0000 00":    "undone",
		"8060 0201 00\n8056 0000 00":    "undone", // left open
		"8060 0001 00\n8016 03E8 00":    mute,
		"8060 0101 00\nreset\n80560000": "undone",
	} {
		s := &Subject{Profile: card.P71, InstallAll: true, Words: shell.Words(),
			CAPs: []string{"../../emulator/testdata/probe/lib.cap",
				"../../emulator/testdata/probe/core.cap"}}
		lines, err := s.ReadScript(strings.NewReader("select F050524F420201\n" + script))
		require.NoError(t, err)
		const changing, selecting = 0x60, 0xA4
		alter := func(c apdu.Command, r *apdu.Response) {
			if c.INS != selecting && c.INS != changing {
				r.SW = 0x1234
			}
		}
		d := &Differ{Subject: s, Script: lines, Other: &other{subject: s, alter: alter},
			KnownFault: func(c Compared) string {
				switch {
				case c.Undone:
					return "undone"
				case c.Thrown != "":
					return "thrown " + c.Thrown
				}
				return ""
			}}
		r, err := d.Run(t.Context())
		require.NoError(t, err, script)
		if want == "" {
			assert.Len(t, r.Differences, 1, script)
			continue
		}
		assert.Empty(t, r.Differences, script)
		assert.Equal(t, []SetAside{{want, 1}}, r.SetAside, script)
	}
}

// TestWordsThatShowAreNoDifference: a script is compared with them as without them.
func TestWordsThatShowAreNoDifference(t *testing.T) {
	lines := []Line{{Number: 1, Step: script.Step{Command: apdu.Command{INS: gpc.InsSelect}}}}
	bare, _, err := (&Differ{Script: lines}).sequence()
	require.NoError(t, err)
	for _, word := range silentWords {
		lines = append(lines, line(word))
	}
	full, _, err := (&Differ{Script: lines}).sequence()
	require.NoError(t, err)
	require.Equal(t, bare, full)
	require.Error(t, (&Differ{Script: append(lines, line("restore"))}).Check())
}

func line(word string) Line { return Line{Step: script.Step{Word: word}} }

// TestRecoveredMessagesAreNoted: a difference behind a signature of which a message was recovered
// is that of who leaves the signature in its place; one before is none of theirs.
func TestRecoveredMessagesAreNoted(t *testing.T) {
	vectors, err := os.ReadFile("../../emulator/engine/testdata/vectors/iso9796_2_sha1.txt")
	require.NoError(t, err)
	_, rows, found := strings.Cut(string(vectors), "key 1024 ")
	require.True(t, found)
	key, first, _ := strings.Cut(rows, "\n")
	first, _, _ = strings.Cut(first, "\n")
	words := strings.Fields(key)
	signature := strings.Fields(first)[3]
	text := "select F050524F420501\n801C000080" + words[0] + // P1 is what Recovery.java does
		"\n801C0200030" + words[1] + "\n801C0300\n801C0501\n" +
		"801C0A0180" + signature + "00\n801C030000"
	s := &Subject{Profile: card.P71, InstallAll: true, Words: shell.Words(),
		CAPs: []string{"../../emulator/testdata/probe/newer.cap"}}
	lines, err := s.ReadScript(strings.NewReader(text))
	require.NoError(t, err)
	for which, want := range map[byte]int{5: 1, 10: 0} {
		d := &Differ{Subject: s, Script: lines, Other: &other{subject: s,
			alter: func(c apdu.Command, r *apdu.Response) {
				if c.INS == 0x1C && c.P1 == which {
					require.Equal(t, apdu.OK, r.SW)
					r.SW = 0x1234
				}
			}},
			KnownFault: func(c Compared) string {
				if c.Recovered {
					return "recovered"
				}
				return ""
			}}
		r, err := d.Run(t.Context())
		require.NoError(t, err)
		assert.Len(t, r.Differences, want, "%d", which)
		assert.Len(t, r.SetAside, 1-want, "%d", which)
	}
}
