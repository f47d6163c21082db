package shell_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu"
	"ekrona.example/apdu/scp03"
	"ekrona.example/applet/vocabulary"
	"ekrona.example/emulator/card"
	"ekrona.example/host/shell"
)

// Every line is answered before the next one is read, so that a script may wait.
func TestAnswersAtOnce(t *testing.T) {
	inReader, inWriter := io.Pipe()
	outReader, outWriter := io.Pipe()
	s := session(t, "")
	done := make(chan error, 1)
	go func() {
		done <- s.Run(context.Background(), inReader, false, func(_ int, r shell.Result) error {
			_, err := fmt.Fprintln(outWriter, r.Line())
			return err
		})
		outWriter.Close()
	}()
	for _, turn := range [][2]string{{"reset\n", "ok\n"}, {"# nothing\n80260000\n", "6D00\n"},
		{"cut 1\n", "ok\n"}} {
		_, err := io.WriteString(inWriter, turn[0])
		require.NoError(t, err)
		answer := make([]byte, len(turn[1]))
		_, err = io.ReadFull(outReader, answer)
		require.NoError(t, err)
		assert.Equal(t, turn[1], string(answer))
	}
	inWriter.Close()
	assert.NoError(t, <-done)
}

func TestASeedMakesASessionRepeat(t *testing.T) {
	in, _ := conversation(t, "testdata/random.txt")
	first := converse(t, session(t, "one"), in)
	assert.Equal(t, first, converse(t, session(t, "one"), in))
	assert.NotEqual(t, first, converse(t, session(t, "two"), in))
	assert.NotEqual(t, first, converse(t, session(t, ""), in))
}

func TestALineThatIsTooLongIsSkipped(t *testing.T) {
	long := strings.Repeat("00", 300_000)
	assert.Equal(t, "error: line 1 has more than 524288 bytes: the line is too long, and was "+
		"skipped\nok\n",
		converse(t, session(t, ""), long+"\nreset"))
}

func TestHowARunEnds(t *testing.T) {
	lines := func(_ int, _ shell.Result) error { return nil }
	in := "reset\nnonsense\ncut x\nquit\nnonsense\n"
	s := session(t, "")
	assert.EqualError(t, s.Run(t.Context(), strings.NewReader(in), false, lines),
		`line 2: script: "nonsense" is neither hex nor the name of a command`)
	assert.ErrorContains(t, s.Run(t.Context(), strings.NewReader(in), true, lines),
		`2 lines failed, the first: line 2: `)
	assert.True(t, s.Ended())
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, session(t, "").Run(cancelled, strings.NewReader(in), false, lines),
		context.Canceled)
	full := errors.New("no room")
	assert.ErrorIs(t, session(t, "").Run(t.Context(), strings.NewReader(in), false,
		func(int, shell.Result) error { return full }), full)
}

// A transcript does the same again, and notices what differs.
func TestATranscriptReplays(t *testing.T) {
	in, _ := conversation(t, "testdata/life.txt")
	var script bytes.Buffer
	s := session(t, "one")
	record := s.Transcript(&script, "")
	_ = s.Run(t.Context(), strings.NewReader(in+"help\nlist\nnonsense\n80 26\n"), true,
		func(_ int, r shell.Result) error {
			record(r)
			return nil
		})
	assert.NotContains(t, script.String(), "nonsense")
	require.NoError(t, session(t, "one").Run(t.Context(), bytes.NewReader(script.Bytes()), false,
		func(int, shell.Result) error { return nil }), script.String())
	changed := strings.Replace(script.String(), "C0FFEE", "C0FFED", 1)
	assert.Error(t, session(t, "one").Run(t.Context(), strings.NewReader(changed), false,
		func(int, shell.Result) error { return nil }))
}

// A secure channel carries what is typed; what it adds is noted, and sinks get no secrets.
func TestSecureChannel(t *testing.T) {
	c, err := shell.NewVirtual(card.Options{Profile: card.P71}, "secure")
	require.NoError(t, err)
	var clear, wire []apdu.Exchange
	s, err := shell.New(shell.VirtualTarget(c, "virtual", func() error { return nil }),
		shell.Options{Words: shell.Words(), Names: *vocabulary.Script(),
			Decoder: vocabulary.Decoder(), Random: card.SeededRandom("host"),
			Keys: func(name string) (scp03.KeySource, error) {
				if name != "test" {
					return nil, errors.New("no such keys")
				}
				return scp03.TestKeys(), nil
			}})
	require.NoError(t, err)
	s.Observe(func(e apdu.Exchange) {
		if e.Carried {
			wire = append(wire, e)
		} else {
			clear = append(clear, e)
		}
	})
	assert.Equal(t, `error: no such keys
error: secure: "44" is no level: 00, 01, 03, 11, 13 or 33; it is "secure KEYS|off [LEVEL] [VERSION]"
C-MAC with key set FF
E31D4F08A0000001510000009F700101C50398DC00CC08A0000001510000009000
version FF number 1 AES-128; version FF number 2 AES-128; version FF number 3 AES-128
ok
6982
`, converse(t, s, "secure none\nsecure test 44\nsecure test 01 FF\nGET STATUS of=manager\nkeys\n"+
		"secure off\nGET STATUS of=manager\n"))
	assert.Equal(t, "secure> ", func() string {
		converse(t, s, "secure test")
		return s.Prompt()
	}())
	assert.NotEmpty(t, wire)
	last := clear[len(clear)-1]
	assert.True(t, len(last.Masked.Command) > 0, "EXTERNAL AUTHENTICATE is masked")
	converse(t, s, "reset")
	assert.Equal(t, "> ", s.Prompt())
}

// A secure channel is on the basic logical channel: others are used beside it in the clear, and
// both go on. What does not get as far as the card is no missing answer.
func TestChannelsBesideASecureOne(t *testing.T) {
	c, err := shell.NewVirtual(card.Options{Profile: card.P71}, "beside")
	require.NoError(t, err)
	var notes []string
	s, err := shell.New(shell.VirtualTarget(c, "virtual", func() error { return nil }),
		shell.Options{Words: shell.Words(), Names: *vocabulary.Script(),
			Decoder: vocabulary.Decoder(), Random: card.SeededRandom("host"),
			Note: func(line string) { notes = append(notes, line) },
			Keys: func(string) (scp03.KeySource, error) { return scp03.TestKeys(), nil }})
	require.NoError(t, err)
	var script bytes.Buffer
	record := s.Transcript(&script, "beside")
	for _, line := range []string{
		"load ../../emulator/testdata/probe/purse.cap", "install F050524F420801",
		"secure test 33", "0070000001 -> 9000 : 01", "01A4040007F050524F42080100 -> 9000",
		"81100000020064 -> 9000", "80F24000024F0000 -> 9000 : *", "8140000002 -> 9000 : 0064",
		"00708001 -> 9000", "8140000002 -> 6881", "80F24000024F0000 -> 9000 : *",
	} {
		r := s.Execute(t.Context(), line)
		require.NoError(t, r.Err(), line)
		record(r)
	}
	assert.Len(t, notes, 6)
	for _, line := range []string{"20CA000000", "20CA000000 -> none", "20CA000000 -> xxxx"} {
		r := s.Execute(t.Context(), line)
		assert.ErrorContains(t, r.Err(), "class 20 cannot go over the channel", line)
		record(r)
	}
	require.NoError(t, s.Execute(t.Context(), "80F24000024F0000 -> 9000 : *").Err())
	require.NoError(t, s.Execute(t.Context(), "secure off").Err())
	require.NoError(t, s.Execute(t.Context(), "cut 1").Err())
	require.NoError(t, s.Execute(t.Context(), "select F050524F420801 -> 9000").Err())
	require.NoError(t, s.Execute(t.Context(), "cut 1").Err())
	require.NoError(t, s.Execute(t.Context(), "80100000020064 -> none").Err())
	assert.NotContains(t, script.String(), "20CA")
}

// All or none; what is on the card is listed and deleted, with a channel and without.
func TestContent(t *testing.T) {
	const probe = "../../emulator/testdata/probe/"
	lines := "load " + probe + "lib.cap " + probe + "missing.cap -> error: *\nlist ->\n" +
		"load " + probe + "core.cap -> error: *core.cap: *\nlist ->\n" +
		"load " + probe + "lib.cap " + probe + "core.cap -> F050524F4201 F050524F4202\n" +
		"install F050524F420201 -> F050524F420201\n" +
		"install F050524F420201 F050524F42020B C0 -> F050524F42020B\n" +
		"install F050524F420201 F050524F42020B -> error: *\n" +
		"delete F050524F4202 -> error: *\n" +
		"list -> F050524F420201 F050524F42020B F050524F4201 F050524F4202\n" +
		"delete F050524F42020B -> ok\ndelete F050524F4202 all -> ok\n" +
		"delete F050524F4201 -> ok\ndelete F050524F4201 -> error: *\nlist ->\n"
	for _, first := range []string{"", "secure test\n"} {
		c, err := shell.NewVirtual(card.Options{Profile: card.P71}, "")
		require.NoError(t, err)
		s, err := shell.New(shell.VirtualTarget(c, "virtual", func() error { return nil }),
			shell.Options{Words: shell.Words(), Decoder: vocabulary.Decoder(),
				Keys: func(string) (scp03.KeySource, error) { return scp03.TestKeys(), nil }})
		require.NoError(t, err)
		assert.NoError(t, s.Run(t.Context(), strings.NewReader(first+lines), false,
			func(int, shell.Result) error { return nil }), first)
	}
}

// A card in a reader has no memory to look into, and says what it needs.
func TestACardInAReader(t *testing.T) {
	s, err := shell.New(shell.Target{Where: "reader", Reset: func() error { return nil },
		Close: func() error { return nil },
		Card: apdu.CardFunc(func(context.Context, apdu.Command) (apdu.Response, error) {
			return apdu.Response{SW: apdu.OK}, nil
		})}, shell.Options{Words: shell.Words(), Decoder: vocabulary.Decoder()})
	require.NoError(t, err)
	for _, line := range []string{"cut 1", "memory", "writes", "snapshot", "restore"} {
		assert.ErrorContains(t, s.Execute(t.Context(), line).Err(), "virtual card only", line)
	}
	assert.ErrorContains(t, s.Execute(t.Context(), "list").Err(), "secure KEYS")
	assert.Equal(t, "9000", s.Execute(t.Context(), "00A40400").Line())
	assert.NoError(t, s.Close())
}

func TestCompletion(t *testing.T) {
	c, err := shell.NewVirtual(card.Options{Profile: card.P71}, "")
	require.NoError(t, err)
	s, err := shell.New(shell.VirtualTarget(c, "virtual", func() error { return nil }),
		shell.Options{Words: shell.Words(), Names: *vocabulary.Script(),
			Decoder: vocabulary.Decoder()})
	require.NoError(t, err)
	for line, want := range map[string]string{
		"sna": "snapshot ", "snapshot": "snapshot ", "READ B": "READ BINARY ",
		"read b": "read BINARY ", "READ BINARY off": "READ BINARY offset=",
		"GET DATA tag=9F3":   "GET DATA tag=9F36",
		"00A40400 -> FILE_N": "00A40400 -> FILE_NOT_FOUND ",
		"00 -> 6A8":          "00 -> 6A82", "select A00000024": "select A0000002471001",
		"help res": "help restore", "load session_": "load session_test.go ",
		"load testda": "load testdata/", "secure te": "secure test", "verify a": "verify ascii ",
		"VERIFY ": "VERIFY plaintext",
	} {
		assert.Contains(t, s.Complete(line), want, line)
	}
	assert.Empty(t, s.Complete("cut "))
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.StringMatching(`[a-zA-Z0-9=> -]{0,20}`).Draw(t, "line")
		for _, c := range s.Complete(line) {
			cut := strings.LastIndexAny(line, " \t") + 1
			require.True(t, strings.HasPrefix(c, line[:cut]), c)
			require.True(t, strings.HasPrefix(strings.ToLower(c), strings.ToLower(line)), c)
		}
	})
}

// No secret is in a history, nor on the screen.
func TestHistoryHasNoSecrets(t *testing.T) {
	c, err := shell.NewVirtual(card.Options{Profile: card.P71}, "")
	require.NoError(t, err)
	s, err := shell.New(shell.VirtualTarget(c, "virtual", func() error { return nil }),
		shell.Options{Words: shell.Words(), Names: *vocabulary.Script(),
			Decoder: vocabulary.Decoder(),
			Secret:  func(context.Context) (string, error) { return "13571357", nil }})
	require.NoError(t, err)
	for line, want := range map[string]string{
		"00200080 08 241357FFFFFFFFFF -> 9000":    "0020008008****************",
		"VERIFY plaintext data=241357":            "0020008003******",
		"80D80081 04 13571357":                    "80D800810413******",
		"install A00000000101 A00000000102 1357":  `install A00000000101 A00000000102 **`,
		"80200000 08 1357":                        "",
		"nonsense 1357":                           "",
		"select A000000003 # a remark":            "select A000000003 # a remark",
		"verify":                                  "verify",
		"verify 81 ascii":                         "verify 81 ascii",
		"verify 9529":                             "verify **",
		"verify 9529 -> 9000":                     "verify **",
		"verify 95 29":                            "verify **",
		"keys 1234567890ABCDEF":                   "keys **",
		"secure test 33 30":                       "secure test 33 30",
		"secure our.keys":                         "secure our.keys",
		"secure 1234567890ABCDEF1234567890ABCDEF": "secure **",
		"secure 0x1234567890ABCDEF ff":            "secure **",
		"secure 12 34 56 78 90":                   "secure **",
		"secure test 1234567890ABCDEF":            "secure **",
		"  ":                                      "",
	} {
		assert.Equal(t, want, s.Masked(line), line)
	}
	for _, line := range []string{"verify 9529", "verify 81 9529"} {
		assert.NotContains(t, s.Text(s.Execute(t.Context(), line)), `9529"`, line)
	}
	for _, line := range []string{"verify", "verify 81 ascii", "verify bcd"} {
		r := s.Execute(t.Context(), line)
		require.NoError(t, r.Err())
		text, err := json.Marshal(s.Record(1, r))
		require.NoError(t, err)
		assert.NotContains(t, s.Text(r)+string(text), "1357", line)
		assert.NotContains(t, s.Text(r)+string(text), "3133353731", line)
	}
}

// What a card wants next is said, and never sent.
func TestNext(t *testing.T) {
	for _, c := range []struct{ command, response, says string }{
		{"01A40400", "6110", "01 C0 00 00 10"}, {"00A40400", "6100", "256 bytes or more"},
		{"00B0000000", "6C08", "Le 08"}, {"80F22002024F0000", "6310", "P2 03"},
		{"00B0000000", "6982", "verify"}, {"00A4040001A0", "6A82", "list"},
		{"80100000", "6D00", "select AID"}, {"1020000001AA", "9000", "next part"},
		{"8050000000", strings.Repeat("00", 28) + "9000", "secure KEYS"},
		{"00A4040007A0000002471001", "9000", "PACE"},
		{"00A4040001A0", "6F0B8401A0A506 9F38039F6604 9000", "4 bytes: 9F66 (4)"},
		{"00A4040001A0", "6F0E8401A0A509 880101 61044F02A001 9000", "select A001"},
		{"00A4040001A0", "6F0E8401A0A509 880101 61044F02A001 9000", "READ RECORD sfi=1 record=1"},
		{"80A8000002830000", "770A 82021980 940408010200 9000", "READ RECORD sfi=1 record=2"},
		{"80A8000002830000", "80061980 10010100 9000", "READ RECORD sfi=2 record=1"},
	} {
		command, err := apdu.ParseCommandText(c.command)
		require.NoError(t, err)
		raw, err := apdu.ParseHex(c.response)
		require.NoError(t, err)
		response, err := apdu.ParseResponse(raw)
		require.NoError(t, err)
		hints := shell.Next(command, response)
		assert.True(t, slices.ContainsFunc(hints, func(h string) bool {
			return strings.Contains(h, c.says)
		}), "%s %s: %q", c.command, c.response, hints)
	}
	assert.Empty(t, shell.Next(apdu.Command{INS: 0xB0}, apdu.Response{SW: apdu.OK}))
	assert.Empty(t, shell.Next(apdu.Command{CLA: 0x80, INS: 0x50}, apdu.Response{SW: apdu.OK}),
		"an application's own command")
	file := apdu.Command{INS: 0xA4, P2: 4, Data: []byte{0x2F, 0}}
	assert.Empty(t, shell.Next(file, apdu.Response{SW: 0x6A82}), "the list has no files")
	assert.Empty(t, shell.Next(file, apdu.Response{Data: []byte{0x62, 6, 0x82, 1, 1, 0x88, 1, 0xF0},
		SW: apdu.OK}), "88 is the file's own identifier there, and no directory")
	rapid.Check(t, func(t *rapid.T) {
		c := apdu.Command{INS: rapid.SampledFrom([]byte{0xA4, 0xA8, 0x50}).Draw(t, "INS")}
		data := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "data")
		require.NotPanics(t, func() { shell.Next(c, apdu.Response{Data: data, SW: apdu.OK}) })
	})
}

// Whatever is written, each line that says something gets one line of answer, as text and as JSON.
func FuzzSession(f *testing.F) {
	f.Add("00A4040000\nreset\ncut 3\n# a remark\n\ninstall F000000001 F000000001 C9 00\n")
	f.Add("80 CA 9F 7F 00\r\ncut -1\ncut\nreset now\ninstall\n00A40400FF -> 6xxx | none : *")
	f.Add("snapshot a\nrestore a -> ok\nhelp -> *\nsecure off\nlist\nselect next\nwrites")
	c, err := shell.NewVirtual(card.Options{Profile: card.P71}, "fuzz")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in string) {
		lines := slices.DeleteFunc(strings.Split(in, "\n"), func(line string) bool {
			line = strings.TrimSpace(line)
			return strings.HasPrefix(line, "load") || strings.HasPrefix(line, "quit")
		})
		s, err := shell.New(shell.VirtualTarget(c, "virtual", func() error { return nil }),
			shell.Options{Words: shell.Words(), Names: *vocabulary.Script(),
				Decoder: vocabulary.Decoder()})
		require.NoError(t, err)
		_ = s.Run(t.Context(), strings.NewReader(strings.Join(lines, "\n")), true,
			func(number int, r shell.Result) error {
				require.NotContains(t, r.Line(), "\n")
				require.NotEmpty(t, s.Text(r))
				_, err := json.Marshal(s.Record(number, r))
				require.NoError(t, err)
				return nil
			})
	})
}

// What goes to another application is not shown by the names of ours, whose headers may be the
// same.
func TestCommandsOfOthersAreNotOurs(t *testing.T) {
	s := session(t, "")
	do := func(line string) string {
		r := s.Execute(t.Context(), line)
		require.NoError(t, r.Err(), line)
		return s.Text(r)
	}
	do("load ../../emulator/testdata/probe/purse.cap")
	do("install F050524F420801")
	assert.NotContains(t, do("8010000002000A"), "REQUEST", "nothing is selected yet")
	do("snapshot")
	do("00A4040007F050524F420801")
	assert.NotContains(t, do("8010000002000A"), "REQUEST")
	do("restore")
	assert.NotContains(t, do("8010000002000A"), "REQUEST")
	do("00A4040007F050524F420801")
	do("00A4040007F050524F420802 -> 6A82 | 6D00 | 6700 | 9000 | 6A86")
	assert.NotContains(t, do("8010000002000A"), "REQUEST", "the one of before is still selected")
	do("reset")
	assert.NotContains(t, do("8010000002000A"), "REQUEST", "nothing is selected any more")
}

// TestMistypedSecrets: what is no command for its length, and would carry a secret, is not shown.
func TestMistypedSecrets(t *testing.T) {
	s := session(t, "mistyped")
	shown := func(line string) string { return s.Text(s.Execute(t.Context(), line)) }
	assert.Contains(t, shown("0020008008313233343536"), "= 00200080"+strings.Repeat("**", 7)+"\n")
	assert.Contains(t, shown("00A4040008A0000001"), "= 00A4040008A0000001\n",
		"nothing of what is no secret is hidden")
}
