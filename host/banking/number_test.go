package banking

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu/message"
)

// Ids of other numbers are other ids, in the same order, and no other id has a number.
func TestNumbersOfDevices(t *testing.T) {
	for n, id := range map[int]message.DeviceID{
		1: "SENORDICC0000001", 9_999_999: "SENORDICC9999999", 10_000_000: "SENORDICCA000000",
		10_000_035: "SENORDICCA00000Z", MaxDevice: "SENORDICCAZCLOXR",
	} {
		assert.Equal(t, id, DeviceIDOf("SENORDIC", KindCard, n))
	}
	number := rapid.OneOf(rapid.IntRange(0, MaxDevice), rapid.IntRange(decimals-3, decimals+40))
	rapid.Check(t, func(t *rapid.T) {
		n, m := number.Draw(t, "n"), number.Draw(t, "m")
		id, other := DeviceIDOf("SENORDIC", KindCard, n), DeviceIDOf("SENORDIC", KindCard, m)
		_, err := message.ParseDeviceID(string(id))
		require.NoError(t, err)
		require.Equal(t, n < m, id < other)
		back, is := NumberOf(id, KindCard)
		require.True(t, is)
		require.Equal(t, n, back)
	})
	rapid.Check(t, func(t *rapid.T) {
		id := message.DeviceID("SENORDIC" + rapid.StringMatching("[CT][A0-9][0-9A-Za+-]{6}").
			Draw(t, "rest"))
		if n, is := NumberOf(id, KindCard); is {
			require.Equal(t, id, DeviceIDOf("SENORDIC", KindCard, n))
		}
	})
	for _, id := range []message.DeviceID{"", "SENORDIC", "SENORDICC", "SENORDICT0000001",
		"SENORDICC+000001", "SENORDICC000001", "SENORDICCA00000z", "SENORDICCAZZZZZZ",
		"SENORDICC-000001", "SENORDICCA"} {
		_, is := NumberOf(id, KindCard)
		assert.False(t, is, id)
	}
}
