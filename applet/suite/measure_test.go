package suite

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
)

// TestAccounts shows that what only reads writes nothing. That the accounts have every command is
// shown by applet's TestACommandIsEverywhere.
func TestAccounts(t *testing.T) {
	accounts, err := Accounts(t.Context(), card.P71)
	require.NoError(t, err)
	named := func(name string) int {
		return slices.IndexFunc(accounts,
			func(a Account) bool { return strings.HasPrefix(a.Name, name) })
	}
	for _, a := range accounts {
		assert.Positive(t, a.Stats.Bytecodes, a.Name)
		_, err := card.Estimate(a.Stats, card.Links()[0])
		assert.NoError(t, err, a.Name)
	}
	for _, name := range []string{"SELECT", "PAY, resend", "PAY, CA not met before",
		"ACCEPT, repeated", "READ RECORD", "GET DATA"} {
		assert.Zero(t, accounts[named(name)].Stats.Writes, name)
	}
	state := accounts[named("GET STATE")].Stats
	assert.LessOrEqual(t, state.Writes, 2, "the verifier's key and its name, no more")
	assert.LessOrEqual(t, state.WrittenBytes, 3)
}

// TestTransactionsFit shows how much a transaction of the applet needs, and that
// the measurement finds the border: one byte less is too little.
func TestTransactionsFit(t *testing.T) {
	needed, err := CommitNeeded(t.Context(), card.P71)
	require.NoError(t, err)
	assert.LessOrEqual(t, needed, card.P71.CommitBytes)
	tight := card.P71
	tight.CommitBytes = needed - 1
	_, err = Accounts(t.Context(), tight)
	assert.Error(t, err)
}

func TestMemoryFits(t *testing.T) {
	nvm, ram, err := MemoryTaken(t.Context(), card.P71)
	require.NoError(t, err)
	assert.Greater(t, nvm, 0)
	assert.Greater(t, ram, 0)
	lessNVM, lessRAM := card.P71, card.P71
	lessNVM.NVMBytes, lessRAM.RAMBytes = nvm-1, ram-1
	for name, less := range map[string]card.Profile{
		"persistent memory": lessNVM, "RAM": lessRAM,
	} {
		_, err := Accounts(t.Context(), less)
		assert.Error(t, err, "one byte of %s less than measured is too little", name)
	}
}
