package trace

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
)

// What a tag means is what the template says that it is in.
func TestTagsOfTemplates(t *testing.T) {
	for _, text := range []string{"61134F01F0790506032B0601AC0780010206022B01",
		"6181154F01F0790506032B0601AC82000780010206022B01"} { // with longer lengths than they need
		data, err := apdu.ParseHex(text)
		require.NoError(t, err)
		n := Decoder{}.Response(apdu.Command{INS: gpc.InsSelect, P1: gpc.P1ByName,
			Data: []byte{0xF0}}, apdu.Response{Data: data, SW: apdu.OK})
		var names []string
		for _, l := range n.Leaves() {
			if l.Name != "tag and length" && l.Name != "SW1-SW2" {
				names = append(names, l.Name)
			}
		}
		assert.Equal(t, []string{"AID", "object identifier", "cryptographic mechanism identifier",
			"object identifier"}, names, text)
	}
	row := usualDictionary[0][0x79]
	assert.Equal(t, "coexistent tag allocation authority", row.name)
}
