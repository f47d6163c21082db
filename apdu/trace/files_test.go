package trace

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
)

// SELECT of a file says how, and names what every card of a kind has.
func TestSelectOfFiles(t *testing.T) {
	for sent, want := range map[string]string{
		"00A40004023F00": "0004, by file identifier, for FCP|file|3F00 MF",
		"00A4000C022F00": "000C, by file identifier, for no data|file|2F00 EF.DIR",
		"00A40000022FE2": "0000, by file identifier, for FCI|file|2FE2 EF.ICCID",
		"00A40804047F206F07": "0804, by path from the MF, for FCP|file|" +
			"7F20 DF.GSM / 6F07 EF.IMSI",
		"01A4090C047FFF6F07": "090C, by path from this DF, for no data|file|" +
			"7FFF this ADF / 6F07 EF.IMSI",
		"00A4020C02011E":       "020C, an EF in this DF, for no data|file|011E",
		"00A40004021234":       "0004, by file identifier, for FCP|file|1234",
		"00A40304":             "0304, the DF above, for FCP||",
		"01A4040005F001020304": "0400, by name, for FCI|AID|F001020304",
		"00A4000003112233":     "0000, by file identifier, for FCI||112233",
		"00A47F40021122":       "7F40||1122",
	} {
		c, err := apdu.ParseCommandText(sent)
		require.NoError(t, err)
		n := New().Command(c)
		assert.Equal(t, "SELECT", n.Name)
		said := ""
		for _, part := range n.Children {
			if part.Name == "P1-P2" {
				said = part.Value
			}
		}
		name, value := "", ""
		if len(c.Data) > 0 {
			last := n.Children[len(n.Children)-1]
			name, value = last.Name, last.Value
		}
		assert.Equal(t, want, said+"|"+name+"|"+value, sent)
	}
}

// 0101 is EF.DG1 in a travel document's application, and any file elsewhere.
func TestFilesOfATravelDocument(t *testing.T) {
	command := func(text string) apdu.Command {
		c, err := apdu.ParseCommandText(text)
		require.NoError(t, err)
		return c
	}
	follow := New().Follow()
	file := func(text string) string {
		n := follow.Exchange(apdu.Exchange{Command: command(text),
			Response: apdu.Response{SW: apdu.OK}}).Command
		return n.Children[len(n.Children)-1].Value
	}
	assert.Equal(t, "0101", file("00A4020C020101"))
	file("00A4040C07A0000002471001")
	assert.Equal(t, "0101 EF.DG1", file("00A4020C020101"))
	assert.Equal(t, "0101", file("01A4020C020101"), "on another channel")
	file("00A4040C07A0000000031010")
	assert.Equal(t, "0101", file("00A4020C020101"))
	file("00A4040C07A0000002471001")
	follow.Note(command("00A4040C07A0000000031010"), apdu.Response{SW: apdu.SWConditions})
	assert.Equal(t, "0101", file("00A4020C020101"), "perhaps another")
	file("00A4040C07A0000002471001")
	follow.Reset()
	assert.Equal(t, "0101", file("00A4020C020101"))
}
