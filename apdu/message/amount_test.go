package message

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/money"
)

// What does not fit into 4 bytes is refused where a message is made, and never cut.
func TestAmountsFitIntoMessages(t *testing.T) {
	key := testKey(t, 1)
	for _, a := range []money.Ore{-1, MaxAmount + 1, 1<<33 + 5} {
		for _, m := range []Message{
			&Request{Payee: "SEFJORD0T0000001", Number: 1, Amount: a},
			&State{Device: "SEFJORD0T0000001", Balance: a, LifeCycle: 1, Date: Date{1}},
			&State{Device: "SEFJORD0T0000001", LifeCycle: 1, Date: Date{1},
				OpenRequests: []OpenRequest{{Amount: a}}},
			&Instruction{InstructionKey: "SEFJORD000001", Notary: "SENOTARY00001",
				Device: "SEFJORD0T0000001", Credit: a, Date: Date{1}},
			&Confirmation{Device: "SEFJORD0T0000001", Balance: a},
		} {
			require.ErrorIs(t, Sign(m, key), ErrMalformed)
			require.ErrorContains(t, Sign(m, key), CheckAmount(a).Error(), "%T", m)
		}
	}
	require.NoError(t, Sign(&Request{Payee: "SEFJORD0T0000001", Number: 1, Amount: MaxAmount}, key))
}
