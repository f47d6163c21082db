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

// answerOf are the data objects of the answer.
func answerOf(text string) string {
	_, answer, _ := strings.Cut(text, "\n< 9000 OK\n  ")
	return answer
}

// A conversation shows data objects of others as a tree too, with their tags; only long values are
// cut short, and what is no data object is bytes.
func TestCardsOfOthersInAConversation(t *testing.T) {
	long := strings.Repeat("AB", 40)
	for _, row := range []struct{ command, response, want string }{
		{"00A4040007A0000000031010 00", "6F0B8407A0000000031010A5009000",
			"> SELECT\n  AID                    A0000000031010\n< 9000 OK\n" +
				"  6F file control information:\n" +
				"    84 DF name             A0000000031010\n" +
				"    A5 proprietary data    \n"},
		{"00CA004200", "4228" + long + "9000", "> GET DATA\n  tag                    42\n" +
			"< 9000 OK\n  42 issuer identification number " + long[:64] + "... 8 more bytes\n"},
		{"00CA00E000", "E006C0040101FF109000", "> GET DATA\n  tag                    E0\n" +
			"< 9000 OK\n  E0 key information template:\n    C0 key information     0101FF10\n"},
		{"00CA007300", "7307C1010AC40207FF9000", "> GET DATA\n  tag                    73\n" +
			"< 9000 OK\n  73 directory discretionary template:\n" +
			"    C1                     0A\n    C4                     07FF\n"},
		{"0047800002B60000", "9000", "> GENERATE ASYMMETRIC KEY PAIR\n" +
			"  P1-P2                  8000\n  B6                     \n< 9000 OK\n"},
		{"00CA5F5000", "9000", "> GET DATA\n  tag                    5F50\n< 9000 OK\n"},
		{"00CA004200", "42FF019000",
			"> GET DATA\n  tag                    42\n< 9000 OK\n  42FF01\n"},
	} {
		c, err := apdu.ParseCommandText(row.command)
		require.NoError(t, err)
		raw, err := apdu.ParseHex(row.response)
		require.NoError(t, err)
		r, err := apdu.ParseResponse(raw)
		require.NoError(t, err)
		assert.Equal(t, row.want,
			Text{}.Exchange(Decoder{}.Exchange(apdu.Exchange{Command: c, Response: r})))
	}
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
	t.Run("file control", func(t *testing.T) {
		assert.Equal(t, `> SELECT
  P1-P2                  0004, by file identifier, for FCP
  file                   2F00 EF.DIR
< 9000 OK
  62 file control parameters:
    82 file descriptor     4121
    88 short EF identifier SFI 30
    8A life cycle status   05 operational, activated
    A5 proprietary data:
      88 short file identifier 01
`, shownWhole(t, "00A40004022F0000", "620F82024121 8801F0 8A0105 A503880101 9000"))
		assert.Contains(t, shownWhole(t, "00A40400050102030405", "6F06 8A0104 8801 08 9000"),
			"    8A life cycle status   04 operational, deactivated\n"+
				"    88 short EF identifier SFI 1\n")
		for hex, want := range map[string]string{"00": "00 no information", "01": "01 creation",
			"03": "03 initialisation", "02": "02 reserved", "0F": "0F termination",
			"80": "80 proprietary"} {
			assert.Contains(t, shownWhole(t, "00A40000023F00", "6F038A01"+hex+"9000"),
				"life cycle status   "+want+"\n")
		}
		text := shownWhole(t, "00A40000021234", "6A82")
		assert.Contains(t, text, "< 6A82 FILE_NOT_FOUND: file or application not found\n")
		assert.NotContains(t, text, "list the card")
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
	t.Run("card manager", func(t *testing.T) {
		for _, get := range []string{"80CA006600", "00CA006600"} {
			assert.Equal(t, `66 card data:
    73 card recognition data:
      06 object identifier   1.2.840.114283.1 (GlobalPlatform)
      60 GlobalPlatform's version:
        06 object identifier   1.2.840.114283.2.2.3 (GlobalPlatform 2.3)
      63 scheme of card identification:
        06 object identifier   1.2.840.114283.3 (identified by issuer and card number)
      64 secure channel protocols:
        06 object identifier   1.2.840.114283.4.3.112 (SCP03 i=70)
      65 card configuration:
        06 object identifier   1.2.840.114283.5.7.2.0.0 (Common Implementation Configuration 2.0)
      66 card and chip details:
        06 object identifier   1.3.6.1.4.1.42.2.110.1.3 (Java Card 3)
`, answerOf(shownWhole(t, get, "664D734B06072A864886FC6B01600B06092A864886FC6B0202"+
				"03630906072A864886FC6B03640B06092A864886FC6B040370650D060B2A864886FC6B050702"+
				"0000660C060A2B060104012A026E0103 9000")))
			cplc := answerOf(shownWhole(t, get[:4]+"9F7F00", "9F7F2A 4790 D321 4700 0000 0000 8345"+
				" 92F59318 181D000000000000000000000000000000000000000000000000 9000"))
			assert.Contains(t, cplc, "9F7F card production life cycle data: NXP P71D321, JCOP 4\n")
			assert.Contains(t, cplc, "    IC fabricated          8345: day 345 of a year "+
				"that ends in 8\n")
			assert.Contains(t, cplc, "    IC serial number       92F59318\n")
			assert.Contains(t, cplc, "    personalized           0000\n")
		}
		// elsewhere the tags are what ISO/IEC 7816 says
		assert.Contains(t, shownWhole(t, "00CA006E00", "6E04 6502 5B00 9000"), "cardholder's data")
		assert.NotContains(t, shownWhole(t, "00CA007300", "7304 6402 0000 9000"), "secure channel")
	})
	t.Run("unknown", func(t *testing.T) {
		assert.Equal(t, `> B0 01 02 03, proprietary
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
