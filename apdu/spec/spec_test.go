package spec

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
)

// walk visits fields and what is inside their templates.
func walk(fields []Field, visit func(Field)) {
	for _, f := range fields {
		visit(f)
		if f.Layout != nil {
			walk(f.Layout.Fields, visit)
		}
	}
}

func TestCommandsAreDistinctAndFound(t *testing.T) {
	seen := map[[4]byte]string{}
	names := map[string]bool{}
	for _, c := range Commands {
		require.False(t, names[c.Name], c.Name)
		names[c.Name] = true
		found, ok := FindCommand(c.Name)
		require.True(t, ok)
		require.Same(t, c, found)
		for _, v := range c.Variants {
			key := [4]byte{c.CLA, c.INS, v.P1, v.P2}
			require.Empty(t, seen[key], "%s and %s have the same header", v.Title(), seen[key])
			seen[key] = v.Title()
			found, ok := Find(c.CLA|apdu.ClassChaining, c.INS, v.P1, v.P2)
			require.True(t, ok)
			require.Equal(t, v.Title(), found.Title())
			if v.AnyP1 {
				_, ok = Find(c.CLA, c.INS, 200, v.P2)
				require.True(t, ok)
				_, ok = Find(c.CLA, c.INS, 0, v.P2)
				require.False(t, ok)
			}
		}
	}
	_, ok := Find(0x80, 0x20, 0, 0x80)
	assert.False(t, ok, "VERIFY with a proprietary class")
}

func TestAPDUTakesTheRow(t *testing.T) {
	verify, ok := Verify.Variant("enciphered")
	require.True(t, ok)
	assert.Equal(t, apdu.Command{INS: 0x20, P2: 0x88, Data: []byte{1, 2}},
		verify.APDU([]byte{1}, []byte{2}))
	assert.Equal(t, apdu.Command{CLA: 0x80, INS: 0x12, Data: []byte{1}, Ne: 256},
		Pay.Only().APDU([]byte{1}))
	assert.Equal(t, apdu.Command{CLA: 0x80, INS: 0x18, Data: []byte{1}, Ne: 65536},
		GetState.Only().APDU([]byte{1}))
}

// Every answer is a known status word, and every status word is some command's
// answer or belongs to transport.
func TestStatusWordsAreKnownAndUsed(t *testing.T) {
	used := map[apdu.StatusWord]bool{
		SWOK: true, SWMoreData: true, SWWrongLe: true, SWMemoryFailure: true,
	}
	for _, c := range Commands {
		var here []apdu.StatusWord
		for _, a := range append(slices.Clone(CommonAnswers), c.Answers...) {
			_, ok := Status(a.SW)
			require.True(t, ok, "%s answers %s", c.Name, a.SW.String())
			require.NotContains(t, here, a.SW, "%s lists %s twice", c.Name, a.SW.String())
			require.NotEmpty(t, a.When)
			here = append(here, a.SW)
			used[a.SW] = true
		}
	}
	for i, row := range StatusWords {
		assert.True(t, used[row.Code], "no command answers %s", row.Name)
		if i > 0 {
			assert.Less(t, StatusWords[i-1].Code, row.Code)
		}
	}
}

// Every field has a described tag, or a length, and fits the limits.
func TestFieldsAreDescribed(t *testing.T) {
	used := map[Tag]bool{TagPINLoad: true, TagBatchLoad: true, TagBatchCertificate: true,
		TagCrisisCertificate: true}
	visit := func(f Field) {
		require.NotEmpty(t, f.Name)
		tag := f.WireTag()
		if tag == 0 {
			require.Positive(t, f.Max, f.Name)
			require.NotEmpty(t, f.Text(), f.Name)
			return
		}
		used[tag] = true
		row, ok := DataObject(tag)
		require.True(t, ok, "%s: tag %v has no row in Tags (tag.go)", f.Name, tag)
		require.NotEmpty(t, f.Text(), f.Name)
		_, low, high := f.Value()
		require.GreaterOrEqual(t, low, row.Min, f.Name)
		require.LessOrEqual(t, high, row.Max, f.Name)
		require.Equal(t, f.Layout != nil, tag.IsConstructed(), f.Name)
	}
	for _, c := range Commands {
		for _, v := range c.Variants {
			walk(v.In, visit)
			walk(v.Out, visit)
			_, high := SizeOf(v.In)
			require.LessOrEqual(t, high, MaxCommand, v.Title())
			longest := v.MaxOut()
			if v.Title() == "READ RECORD log" { // one of the records, not all
				_, longest = SizeOf(AcceptRecord)
			}
			require.LessOrEqual(t, longest, MaxResponse, v.Title())
		}
	}
	for _, s := range Sequences {
		walk(s.Fields, visit)
	}
	for i, row := range Tags {
		assert.True(t, used[row.Tag], "tag %v is nowhere used", row.Tag)
		assert.LessOrEqual(t, row.Min, row.Max)
		if i > 0 && Tags[i-1].Tag.Len() == row.Tag.Len() {
			assert.NotEqual(t, Tags[i-1].Tag, row.Tag)
		}
	}
}

// Message bodies differ by their tag, so no body of one is a body of another.
func TestMessagesAreDomainSeparated(t *testing.T) {
	seen := map[Tag]bool{}
	for _, l := range Messages {
		require.False(t, seen[l.Tag])
		seen[l.Tag] = true
		require.Equal(t, TagVersion, l.Fields[0].Tag, "%s begins with its version", l.Name)
		require.NotEmpty(t, l.Signers)
	}
	require.False(t, seen[TagCertificateBody])
}

func TestFixedValues(t *testing.T) {
	low, high := SizeOf(InstallData)
	assert.Equal(t, low, high)
	assert.LessOrEqual(t, high, MaxInstallData)
	assert.Len(t, PilotPolicy, PolicyLength)
	for _, p := range Presets { // what no field has room for would be cut off
		for _, amount := range []int64{p.MaxBalance, p.MaxPayment, p.MaxSpent} {
			assert.LessOrEqual(t, uint64(amount), uint64(math.MaxUint32), p.Name)
		}
		assert.LessOrEqual(t, uint(p.MaxTransactions), uint(math.MaxUint16), p.Name)
	}
	sum := 0
	for _, p := range OpenRequestLayout {
		sum += p.Length
	}
	assert.Equal(t, OpenRequestLength, sum)
	sum = 0
	for _, p := range OrderRowLayout {
		sum += p.Length
	}
	assert.Equal(t, OrderRowLength, sum)
	_, high = CrisisOrder.Size()
	assert.Equal(t, MaxOrder, high)
	sum = 0
	for _, p := range PolicyLayout {
		sum += p.Length
	}
	assert.Equal(t, PolicyLength, sum)
}

// Every status word of the spec has a text with what to do, in one line, under the
// applet's name.
func TestStatusText(t *testing.T) {
	for _, row := range StatusWords {
		text := StatusText(row.Code)
		assert.Contains(t, text, row.Name)
		if row.Code != SWOK {
			assert.Contains(t, text, row.Remedy)
		}
		assert.NotContains(t, text, "\n")
	}
	assert.Equal(t, "63C2 PIN_WRONG: PIN wrong or not verified; tries left: 2; give the right one",
		StatusText(0x63C2))
	assert.Contains(t, StatusName(0x6123), "MORE_DATA")
	assert.Equal(t, "6A81 NOT_SUPPORTED: function not supported", StatusText(0x6A81),
		"the standard's, where the applet has none")
}
