package gpc

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What NXP P71 cards answered to others: issue 221 of
// github.com/martinpaljak/GlobalPlatformPro (CPLC), the P71 of GlobalPlatformPro's
// users in general (card data, capabilities, key information: the same bytes in many
// reports), issue 276 of github.com/crocs-muni/JCAlgTest (identification).
const (
	p71CPLC = "4790D32147000000000083456E6E6E50524300000000000000005758594E4E4E4E4E00" +
		"00000000000000"
	p71CardData = "664D734B06072A864886FC6B01600B06092A864886FC6B020203630906072A864886FC" +
		"6B03640B06092A864886FC6B040370650D060B2A864886FC6B0507020000660C060A2B060104012A026E0103"
	p71Capability = "6728A00D800103810500102060708201078103E5BEC082031E03008301028401028501" +
		"7B86010C87017B"
	p71Keys     = "E012C00401018810C00402018810C00403018810"
	p71Identity = "FE58DF2855010C0001B90C91154CB8C02A00AA0208000000000000000003184A335236" +
		"3030303337333138313230306D20B6197D635E7C05010006040000D81F0701010808B3375FE9B5508B" +
		"C40901030A0855606FD4BEECF3CD"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	require.NoError(t, err)
	return b
}

func TestWhatAP71Says(t *testing.T) {
	today := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	c, err := ParseCPLC(unhex(t, p71CPLC))
	require.NoError(t, err)
	assert.Equal(t, "NXP P71D321, JCOP 4", c.Product())
	made, known := c.FabricationDate.In(today)
	assert.True(t, known)
	assert.Equal(t, "2018-12-11", made.Format(time.DateOnly), "as that report says")
	assert.Equal(t, uint32(0x6E6E6E50), c.Serial)
	_, known = c.OSReleaseDate.In(today)
	assert.False(t, known)
	_, known = c.PrePersonalization.In(today)
	assert.False(t, known, "the preparer's own data are no date")
	assert.Equal(t, unhex(t, p71CPLC), c.Bytes())

	data, err := ParseCardData(unhex(t, p71CardData))
	require.NoError(t, err)
	assert.Equal(t, &CardData{Version: "2.3", Channels: []SecureChannel{{3, 0x70}}, JavaCard: "3"},
		data)

	capability, err := ParseCapability(unhex(t, p71Capability))
	require.NoError(t, err)
	assert.Equal(t, &Capability{
		Channels: []SecureChannel{{3, 0}, {3, 0x10}, {3, 0x20}, {3, 0x60}, {3, 0x70}},
		AES:      []int{128, 192, 256},
		Hashes:   []byte{2}, ECDSAP256: true,
	}, capability)

	keys, err := ParseKeyTemplate(unhex(t, p71Keys))
	require.NoError(t, err)
	assert.Equal(t, []KeyInfo{{1, 1, 0x88, 16}, {2, 1, 0x88, 16}, {3, 1, 0x88, 16}}, keys)

	id, err := ParseNXPIdentity(unhex(t, p71Identity))
	require.NoError(t, err)
	assert.Equal(t, "J3R6000373181200", id.Platform)
	assert.False(t, id.FIPS)
	assert.Equal(t, Hex(unhex(t, "B3375FE9B5508BC4")), id.ROM)

	// Another card's channel is outside its template.
	data, err = ParseCardData(unhex(t, "660D730B06092A864886FC6B040255"))
	require.NoError(t, err)
	assert.Equal(t, []SecureChannel{{2, 0x55}}, data.Channels)
}

func TestProductionDates(t *testing.T) {
	today := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for d, want := range map[ProductionDate]string{
		0x6001: "2026-01-01", 0x6061: "2016-03-01", 0x7365: "2017-12-31", 0x0366: "2020-12-31",
		0x5001: "2025-01-01",
	} {
		on, known := d.In(today)
		assert.True(t, known, want)
		assert.Equal(t, want, on.Format(time.DateOnly))
	}
	for _, d := range []ProductionDate{0, 0x6000, 0x7366, 0x7367, 0xA001, 0x60A0, 0xFFFF} {
		_, known := d.In(today)
		assert.False(t, known, "%04X", d)
	}
}

func TestMalformedCardInformation(t *testing.T) {
	for name, err := range map[string]error{
		"short CPLC":        second(ParseCPLC(make([]byte, 41))),
		"card data":         second(ParseCardData([]byte{0x66, 2, 0x72, 0})),
		"card data cut":     second(ParseCardData([]byte{0x66, 4, 0x73, 2, 6, 1})),
		"two objects":       second(ParseCardData([]byte{0x66, 2, 0x73, 0, 0x66, 0})),
		"capability cut":    second(ParseCapability([]byte{0x67, 2, 0xA0, 1})),
		"resources":         second(ParseResources([]byte{0xFF, 0x21, 2, 0x82, 0})),
		"resources, 5 byte": second(ParseResources([]byte{0xFF, 0x21, 7, 0x82, 5, 1, 2, 3, 4, 5})),
		"identification":    second(ParseNXPIdentity([]byte{0xFE, 3, 0xDF, 0x28, 1})),
	} {
		assert.ErrorIs(t, err, ErrMalformed, name)
	}
	want := Resources{4, 0x0000F1CC, 0x000002DA}
	encoded, err := want.Encode()
	require.NoError(t, err)
	got, err := ParseResources(encoded)
	require.NoError(t, err)
	assert.Equal(t, want, *got)
	got, err = ParseResources([]byte{0xFF, 0x21, 4, 0x82, 2, 0xF1, 0xCC})
	require.NoError(t, err)
	assert.Equal(t, uint32(0xF1CC), got.Persistent)
}

// No card makes these parsers do more than refuse.
func FuzzCardInformation(f *testing.F) {
	for _, seed := range []string{p71CPLC, p71CardData, p71Capability, p71Keys, p71Identity,
		"FF210A82040000F1CC83020200"} {
		f.Add(unhex(f, seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, err := range []error{
			second(ParseCardData(b)), second(ParseCapability(b)), second(ParseKeyTemplate(b)),
			second(ParseResources(b)), second(ParseNXPIdentity(b)),
		} {
			if err != nil {
				require.ErrorIs(t, err, ErrMalformed)
			}
		}
		c, err := ParseCPLC(b)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		require.Equal(t, b, c.Bytes())
		for _, d := range []ProductionDate{c.OSReleaseDate, c.FabricationDate, c.Personalization} {
			on, known := d.In(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC))
			require.Equal(t, known, known && on.Year() > 2015)
		}
	})
}
