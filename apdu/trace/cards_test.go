package trace

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/tlv"
)

// shownWhole is an exchange as a person at the card sees it.
func shownWhole(t *testing.T, command, response string) string {
	t.Helper()
	c, err := apdu.ParseCommandText(command)
	require.NoError(t, err)
	raw, err := apdu.ParseHex(response)
	require.NoError(t, err)
	r, err := apdu.ParseResponse(raw)
	require.NoError(t, err)
	d := Decoder{ShowUnknown: true}
	return Text{Whole: true}.Exchange(d.Exchange(apdu.Exchange{Command: c, Response: r}))
}

// Cards of others are decoded by the standards: payment, travel documents, what nobody knows.
func TestCardsOfOthers(t *testing.T) {
	t.Run("payment", func(t *testing.T) {
		assert.Equal(t, `> SELECT
  AID                    325041592E5359532E4444463031
< 9000 OK
  6F file control information:
    84 DF name             325041592E5359532E4444463031 "2PAY.SYS.DDF01"
    A5 proprietary data:
      BF0C FCI issuer discretionary data:
        61 application template:
          50 application label   "money"
`, shownWhole(t, "00A404000E325041592E5359532E444446303100",
			"6F1E840E325041592E5359532E4444463031A50CBF0C09610750056D6F6E6579 9000"))
		assert.Equal(t, `> GET PROCESSING OPTIONS
  P1-P2                  0000
  83 command template    
< 9000 OK
  77 response template, format 2:
    82 application interchange profile 1980
    94 application file locator SFI 1 records 1 to 1, 0 signed; SFI 2 records 1 to 3, 1 signed
    9F36 application transaction counter 66
`, shownWhole(t, "80A8000002830000", "7713 82021980 9408080101001001 0301 9F36020042 9000"))
	})
	t.Run("travel document", func(t *testing.T) {
		assert.Equal(t, `> READ BINARY
  P1-P2                  0000
< 9000 OK
  60 EF.COM:
    5F01 LDS version       "0107"
    5F36 Unicode version   "040000"
    5C tag list            61 75
`, shownWhole(t, "00B0000000", "6014 5F010430313037 5F3606303430303030 5C026175 9000"))
	})
	t.Run("unknown", func(t *testing.T) {
		assert.Equal(t, `> B0 01 02 03, not in the reference
  C0FFEE00
< 9000 OK
  0502030405060708090A0B0C
`, shownWhole(t, "B001020304C0FFEE0000", "0502030405060708090A0B0C 9000"))
	})
}

// What a log may not show is not shown there, whatever a person at the card sees.
func TestUnknownDataIsHiddenInLogs(t *testing.T) {
	c := apdu.Command{CLA: 0xB0, INS: 1, Data: []byte{0xC0, 0xFF, 0xEE}}
	e := apdu.Exchange{Command: c, Response: apdu.Response{Data: []byte{0xCA, 0xFE}, SW: apdu.OK}}
	text := Text{Raw: true, Whole: true}.Exchange(Decoder{}.Exchange(e))
	assert.NotContains(t, text, "C0FFEE")
	assert.NotContains(t, text, "CAFE")
}

// Every tag has a name and says where it comes from; none is two bytes where one would do.
func TestTagNames(t *testing.T) {
	names := TagNames()
	assert.Greater(t, len(names), 150)
	for _, n := range names {
		assert.NotEmpty(t, n.Name, n.Tag)
		assert.NotEmpty(t, n.Clause, n.Tag)
		raw, err := tlv.Append(nil, n.Tag)
		require.NoError(t, err)
		assert.True(t, tlv.NewReader(raw).At(n.Tag))
	}
}

// Values in words never fail, whatever the bytes.
func FuzzValues(f *testing.F) {
	f.Add([]byte{0x9F, 0x38, 3, 0x9F, 0x37, 4})
	f.Add([]byte{0x94, 4, 8, 1, 1, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, ins := range []byte{0xB0, 0xB2, 0xCA, 0xA8} {
			c := apdu.Command{INS: ins}
			if ins == 0xA8 {
				c.CLA = classProprietary
			}
			for _, table := range dictionaryOf(c) {
				for tag, row := range table {
					require.NotPanics(t, func() { row.value(data) }, tag)
				}
			}
			d := Decoder{ShowUnknown: true}
			text := Text{Raw: true, Whole: true}.Exchange(d.Exchange(apdu.Exchange{Command: c,
				Response: apdu.Response{Data: data, SW: apdu.OK}}))
			require.True(t, strings.HasSuffix(text, "\n"))
		}
	})
}
