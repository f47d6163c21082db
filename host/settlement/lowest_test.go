package settlement

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
)

// TestATwinKeepsTheFirstNumber: after a theft of both keys one order is signed twice, for cards
// that know the next notary's key and for those that do not; neither loses it by an Instruction. An
// order with other limits, or by another crisis key, is no twin.
func TestATwinKeepsTheFirstNumber(t *testing.T) {
	first, err := message.ParseDate("2027-03-01")
	require.NoError(t, err)
	order := func(number uint32, key, notary message.AuthorityRef, spent int) crisisRow {
		return crisisRow{CrisisOrder: &message.CrisisOrder{CrisisKey: key, Notary: notary,
			Number: number, From: first, Until: first.AddDays(7),
			Rows: []message.CrisisRow{{MaxTransactions: uint16(spent)}}}}
	}
	const former, next, oldKey, newKey = "SENOTARY00001", "SENOTARY00002", "SECRISIS00001",
		"SECRISIS00002"
	stolen := order(1, oldKey, former, 1)
	inTheDark, online := order(2, newKey, former, 2), order(3, newKey, next, 2)
	for want, orders := range map[uint32][]crisisRow{
		1: {stolen},
		2: {stolen, inTheDark, online},
		3: {stolen, inTheDark, order(3, newKey, next, 9)},
		4: {stolen, inTheDark, online, order(4, newKey, next, 2)},
	} {
		require.Equal(t, want, lowestOrder(orders, first), "orders: %d", len(orders))
		require.EqualValues(t, len(orders)+1, lowestOrder(orders, first.AddDays(8)), "over")
		require.EqualValues(t, 1, lowestOrder(orders, first.AddDays(-1)), "to come")
	}
}
