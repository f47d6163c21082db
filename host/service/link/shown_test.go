package link

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A password in an address is in no error.
func TestShownHidesWhoAsks(t *testing.T) {
	for address, shown := range map[string]string{
		"https://host:1": "https://host:1", "https://u:pw@host": "https://...@host",
		"https://u:p@w@host": "https://...@host", "u:pw@host": "...@host", "": "",
	} {
		assert.Equal(t, shown, Shown(address))
	}
	for _, address := range []string{"https://u:pw@host", "https://u:pw@ho st", "u:pw@host"} {
		err := CheckURL(address)
		require.Error(t, err, address)
		assert.NotContains(t, err.Error(), "pw", address)
	}
}
