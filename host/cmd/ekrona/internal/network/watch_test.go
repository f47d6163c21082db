package network

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/host/cmd/ekrona/internal/cli"
)

// TestPagesHaveEveryDeviceOnce, whatever their size.
func TestPagesHaveEveryDeviceOnce(t *testing.T) {
	all := []message.DeviceID{"A", "B", "C", "D", "E"}
	same := func(d message.DeviceID) message.DeviceID { return d }
	for limit := 1; limit <= len(all)+1; limit++ {
		var got []message.DeviceID
		page := &cli.Page{Limit: limit}
		for pages := 0; pages == 0 || page.After != ""; pages++ {
			shown, after := pageOf(all, page, same)
			require.NotEmpty(t, shown)
			require.LessOrEqual(t, len(shown), limit)
			got, page.After = append(got, shown...), string(after)
		}
		require.Equal(t, all, got, "pages of %d", limit)
	}
	shown, after := pageOf(nil, &cli.Page{Limit: 1}, same)
	require.Empty(t, shown)
	require.Empty(t, after)
}
