package trace

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
)

// unmaskedBytes are the bytes of exchanges that a rule leaves, those masked as "**"; lines are
// command and response, "/" between them.
func unmaskedBytes(t *testing.T, d Decoder, lines ...string) string {
	t.Helper()
	rule, out := d.Follow().Rule().Secrets, &strings.Builder{}
	f := d.Follow()
	for _, line := range lines {
		sent, got, _ := strings.Cut(line, "/")
		c, err := apdu.ParseCommandText(sent)
		require.NoError(t, err)
		raw, err := apdu.ParseHex(got)
		require.NoError(t, err)
		r, err := apdu.ParseResponse(raw)
		require.NoError(t, err)
		e := apdu.Exchange{Command: c, Response: r, Masked: rule(c, r)}
		for _, l := range strings.Split(Text{Raw: true}.Exchange(f.Exchange(e)), "\n") {
			if text, is := strings.CutPrefix(l, "  = "); is {
				out.WriteString(text + " ")
			}
		}
	}
	return strings.TrimSpace(out.String())
}

// Unmasked are the bytes of an application that is not ours, PINs too; never those of one that has
// a vocabulary, keys of card managers, and what is on a channel of which nothing is known.
func TestUnmasked(t *testing.T) {
	ours := Vocabulary{AIDs: [][]byte{{0xF0, 1, 2, 3, 4}}}
	masking, unmasked := New(ours), New(ours)
	unmasked.Unmasked = true
	other, own := "00A4040005F0AABBCCDD/9000", "00A4040005F001020304/9000"
	for _, c := range []struct {
		lines   []string
		without string
		with    string // "" for the same
	}{
		{[]string{other, "8002000002CAFE00/BEEF9000", "0020008004 31323334/9000"},
			"00A4040005F0AABBCCDD 9000 8002000002****00 ****9000 0020008004******** 9000",
			"00A4040005F0AABBCCDD 9000 8002000002CAFE00 BEEF9000 002000800431323334 9000"},
		{[]string{other, "1020008002 3132/9000", "0020008002 3334/9000"},
			"00A4040005F0AABBCCDD 9000 1020008002**** 9000 0020008002**** 9000",
			"00A4040005F0AABBCCDD 9000 10200080023132 9000 00200080023334 9000"},
		{[]string{other, "8002000000/BE6101", "00C0000001/EF9000"},
			"00A4040005F0AABBCCDD 9000 8002000000 **6101 00C0000001 **9000",
			"00A4040005F0AABBCCDD 9000 8002000000 BE6101 00C0000001 EF9000"},
		{[]string{own, "8002000002CAFE00/BEEF9000", "0020008004 31323334/9000"},
			"00A4040005F001020304 9000 8002000002****00 ****9000 0020008004******** 9000", ""},
		{[]string{"00A4040002F001/9000", "8002000002CAFE/9000"},
			"00A4040002F001 9000 8002000002**** 9000", ""},
		{[]string{other, "00A4040005F001020304/6A82", "8002000002CAFE/9000"},
			"00A4040005F0AABBCCDD 9000 00A4040005F001020304 6A82 8002000002**** 9000",
			"00A4040005F0AABBCCDD 9000 00A4040005F001020304 6A82 8002000002CAFE 9000"},
		{[]string{other, own, "8002000002CAFE/9000"},
			"00A4040005F0AABBCCDD 9000 00A4040005F001020304 9000 8002000002**** 9000", ""},
		{[]string{other, "00A4040005F001020304/6700", "0020008002 3132/9000"}, // by the application
			"00A4040005F0AABBCCDD 9000 00A4040005F001020304 6700 0020008002**** 9000", ""},
		{[]string{other, "00A4040003F00102/6283", "8002000002CAFE/9000"}, // with a warning
			"00A4040005F0AABBCCDD 9000 00A4040003F00102 6283 8002000002**** 9000", ""},
		{[]string{own, "00A4040005F0AABBCCDD/6310", "8002000002CAFE/9000"},
			"00A4040005F001020304 9000 00A4040005F0AABBCCDD 6310 8002000002**** 9000",
			"00A4040005F001020304 9000 00A4040005F0AABBCCDD 6310 8002000002CAFE 9000"},
		{[]string{own, "00A4040005F0AABBCCDD/6700", "8002000002CAFE/9000"},
			"00A4040005F001020304 9000 00A4040005F0AABBCCDD 6700 8002000002**** 9000", ""},
		{[]string{"8002000002CAFE/9000"}, "8002000002**** 9000", ""},
		{[]string{other, "8102000002CAFE/9000", "0120008002 3132/9000"},
			"00A4040005F0AABBCCDD 9000 8102000002**** 9000 0120008002**** 9000", ""},
		{[]string{other, "80D8008104 01020304/9000"},
			"00A4040005F0AABBCCDD 9000 80D800810401****** 9000", ""},
		{[]string{other, "84D8008104 01020304/9000"},
			"00A4040005F0AABBCCDD 9000 84D8008104******** 9000", ""},
		{[]string{"00A4040008A000000151000000/9000", "80D8008104 01020304/9000"},
			"00A4040008A000000151000000 9000 80D800810401****** 9000", ""},
		{[]string{"00A4040000/9000", "8002000002CAFE/9000"},
			"00A4040000 9000 8002000002**** 9000", ""},
	} {
		want := c.with
		if want == "" {
			want = c.without
		}
		assert.Equal(t, c.without, unmaskedBytes(t, masking, c.lines...))
		assert.Equal(t, want, unmaskedBytes(t, unmasked, c.lines...), "unmasked")
	}
}

// After a reset nothing has the names of an application until it is selected again.
func TestFollowOfAReset(t *testing.T) {
	ours := []byte{0xF0, 1, 2, 3, 4}
	for _, unmasked := range []bool{false, true} {
		d := New(Vocabulary{AIDs: [][]byte{ours},
			Forms: []Form{{Name: "OPEN", CLA: 0x80, INS: 0x12}}})
		d.Unmasked = unmasked
		f := d.Follow()
		c := apdu.Command{CLA: 0x80, INS: 0x12}
		name := func() string { return f.Decoder().Command(c).Name }
		selecting := apdu.Command{INS: gpc.InsSelect, P1: gpc.P1ByName, Data: ours}
		f.Note(selecting, apdu.Response{SW: apdu.OK})
		assert.Equal(t, "OPEN", name())
		f.Reset()
		assert.NotEqual(t, "OPEN", name())
		assert.True(t, f.Foreign())
		c.Data = []byte{1, 2, 3}
		assert.NotEmpty(t, masked(f.Decoder().Command(c), 5), "unmasked only when one is selected")
		c.Data = nil
		f.Note(selecting, apdu.Response{SW: 0x6A82})
		assert.True(t, f.Foreign())
		f.Note(selecting, apdu.Response{SW: apdu.OK})
		assert.Equal(t, "OPEN", name())
		assert.False(t, f.Foreign())
	}
}

// TestUnknownCommands: those of an application with a vocabulary are not in its reference; of those
// of others nothing is said but what the standard says of their first bytes.
func TestUnknownCommands(t *testing.T) {
	ours := []byte{0xF0, 1, 2, 3, 4}
	f := New(Vocabulary{AIDs: [][]byte{ours}}).Follow()
	said := func(cla, ins byte) string {
		return f.Decoder().Command(apdu.Command{CLA: cla, INS: ins}).Value
	}
	for _, aid := range [][]byte{nil, {0xF0, 9, 9, 9, 9}} {
		if aid != nil {
			f.Note(apdu.Command{INS: gpc.InsSelect, P1: gpc.P1ByName, Data: aid},
				apdu.Response{SW: apdu.OK})
		}
		assert.Equal(t, "proprietary", said(0xB0, 0x10))
		assert.Contains(t, said(0xFF, 0x10), "no class of a command")
		assert.Contains(t, said(0x80, 0x62), "no instruction byte")
		assert.Contains(t, said(0x00, 0x93), "no instruction byte")
		assert.Contains(t, said(0x20, 0x10), "class reserved")
		assert.Contains(t, said(0x00, 0x10), "instruction 10 is not one of ISO/IEC 7816")
	}
	f.Note(apdu.Command{INS: gpc.InsSelect, P1: gpc.P1ByName, Data: ours},
		apdu.Response{SW: apdu.OK})
	assert.Equal(t, "not in the reference", said(0xB0, 0x10))
}

// TestShortened shows a line of bytes, and how many more there are.
func TestShortened(t *testing.T) {
	assert.Equal(t, strings.Repeat("00", 32), Shortened(make([]byte, 32)))
	assert.Equal(t, strings.Repeat("00", 32)+"... 3 more bytes", Shortened(make([]byte, 35)))
}

// What is selected after a SELECT that is refused: after 6A82 what was, after 6999 nothing, and
// after any other refusal, or no answer, it is not known: a command then has the name of none, and
// hides what any would.
func TestFollowOfARefusedSelect(t *testing.T) {
	ours, other := []byte{0xF0, 1, 2, 3, 4}, []byte{0xF0, 9, 9, 9, 9}
	read := Form{Name: "SAY", INS: 0xB0, Out: []Field{{Name: "PIN", Secret: true}}}
	d := New(Vocabulary{AIDs: [][]byte{ours},
		Forms: []Form{{Name: "OPEN", CLA: 0x80, INS: 0x12}, read}})
	d.Unmasked = true
	unsure := "to whom is not known"
	for _, c := range []struct {
		before, selected []byte
		sw               apdu.StatusWord
		name             string // of OPEN then, or what is said of it
	}{
		{ours, other, 0x6A82, "OPEN"}, {ours, ours, 0x6A86, "OPEN"}, {ours, ours, 0x6700, "OPEN"},
		{ours, other, 0x6999, "proprietary"}, {ours, ours, 0x6999, "proprietary"},
		{ours, other, 0x6985, unsure}, {ours, other, 0x6700, unsure}, {ours, other, 0x6F00, unsure},
		{ours, other, 0, unsure}, {other, ours, 0x6700, unsure}, {other, ours, 0, unsure},
		{other, other, 0x6700, "proprietary"}, {other, ours, 0x6A82, "proprietary"},
		{ours, nil, 0x6985, unsure}, {other, nil, 0x6985, unsure}, {nil, other, 0x6985, unsure},
	} {
		f := d.Follow()
		selecting := func(aid []byte, sw apdu.StatusWord) {
			f.Note(apdu.Command{INS: gpc.InsSelect, P1: gpc.P1ByName, Data: aid},
				apdu.Response{SW: sw})
		}
		selecting(c.before, apdu.OK)
		selecting(c.selected, c.sw)
		label := []any{"%X, then %X %04X", c.before, c.selected, c.sw}
		n := f.Decoder().Command(apdu.Command{CLA: 0x80, INS: 0x12, Data: []byte{1, 2}})
		assert.Contains(t, n.Title(), c.name, label...)
		assert.Equal(t, c.name != "OPEN", f.Foreign(), label...)
		if c.name == unsure {
			assert.NotEmpty(t, masked(n, 5), label...)
			answer := f.Decoder().Response(apdu.Command{INS: 0xB0, Ne: 2},
				apdu.Response{Data: []byte{1, 2}, SW: apdu.OK})
			assert.NotEmpty(t, masked(answer, 0), label...)
			rule := f.Rule()
			got := rule.Secrets(apdu.Command{INS: 0xB0, Ne: 2},
				apdu.Response{Data: []byte{1}, SW: 0x6101})
			assert.NotEmpty(t, got.Response, label...)
			got = rule.Secrets(apdu.Command{INS: 0xC0, Ne: 1},
				apdu.Response{Data: []byte{2}, SW: apdu.OK})
			assert.NotEmpty(t, got.Response, label...)
		}
		selecting(ours, apdu.OK)
		assert.False(t, f.Foreign())
	}
}

// By the beginning of a name one with a vocabulary may be selected, or another: the answer says
// which, or it is not known.
func TestFollowOfABeginning(t *testing.T) {
	ours := []byte{0xF0, 1, 2, 3, 4}
	d := New(Vocabulary{AIDs: [][]byte{ours}, Forms: []Form{{Name: "OPEN", CLA: 0x80, INS: 0x12,
		In: []Field{{Name: "PIN", Secret: true}}}}})
	fci := func(name ...byte) []byte {
		return append([]byte{0x6F, byte(len(name) + 2), 0x84, byte(len(name))}, name...)
	}
	unsure := "to whom is not known"
	for _, c := range []struct {
		selected, data []byte
		title          string
		foreign        bool
	}{
		{ours, nil, "OPEN", false}, {ours, []byte{1, 2}, "OPEN", false},
		{ours[:1], fci(ours...), "OPEN", false}, {ours[:4], fci(ours...), "OPEN", false},
		{ours[:1], fci(0xF0, 9, 9, 9, 9), "proprietary", true},
		{ours[:1], fci(ours[:1]...), unsure, true}, {ours[:1], nil, unsure, true},
		{ours[:2], fci(0xF0, 9, 9, 9, 9), unsure, true}, {ours[:1], []byte{0x6F, 9}, unsure, true},
		{[]byte{0xF0, 9}, nil, "proprietary", true},
		{[]byte{0xF0, 9}, fci(ours...), "proprietary", true},
	} {
		f := d.Follow()
		f.Note(apdu.Command{INS: gpc.InsSelect, P1: gpc.P1ByName, Data: c.selected},
			apdu.Response{Data: c.data, SW: apdu.OK})
		n := f.Decoder().Command(apdu.Command{CLA: 0x80, INS: 0x12, Data: []byte{1, 2}})
		assert.Contains(t, n.Title(), c.title, "%X, %X", c.selected, c.data)
		assert.Equal(t, c.foreign, f.Foreign(), "%X, %X", c.selected, c.data)
		if c.title != "proprietary" {
			assert.NotEmpty(t, masked(n, 5), "%X, %X", c.selected, c.data)
		}
	}
}
