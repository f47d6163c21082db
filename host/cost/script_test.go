package cost

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/api"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
	"ekrona.example/emulator/vm"
	"ekrona.example/host/lab"
	"ekrona.example/host/shell"
)

const hello = "../../emulator/examples/hello/"

// The commands of a script on any applet: what is cut off is left out, and a word counts with
// what it sends.
func TestScript(t *testing.T) {
	s := &lab.Subject{Profile: card.P71, CAPs: []string{hello + "hello.cap"}, InstallAll: true,
		Words: shell.Words()}
	file, err := os.Open(hello + "hello.txt")
	require.NoError(t, err)
	defer file.Close()
	script, err := s.ReadScript(file)
	require.NoError(t, err)
	tap, unknown, err := Script(t.Context(), s, script, card.Links()[0])
	require.NoError(t, err)
	assert.Empty(t, unknown)
	writes := map[string]int{}
	for _, c := range tap.Commands {
		writes[c.Title] = c.Stats.Writes
		assert.Positive(t, c.Cost.Of(card.CostWire), c.Title)
	}
	assert.Equal(t, map[string]int{
		"2  select: 00A40400": 0, "3  8002000000": 1, "4  8004000003 416461": 3,
		"5  8002000000": 1, "6  8006000000": 0, "9  80040000": 0,
		"10  8004000021 4141414141414141...": 0, "11  80080000": 0, "17  select: 00A40400": 0,
		"18  8002000000": 1, "19  8006000000": 0,
	}, writes)
	var drawn strings.Builder
	require.NoError(t, Write(&drawn, card.Links()[0], []Tap{tap}))
	assert.Contains(t, drawn.String(), "persistent writes                       6    17.16")

	wrong, err := s.ReadScript(strings.NewReader("8002000000 -> 6A82\n"))
	require.NoError(t, err)
	_, _, err = Script(t.Context(), s, wrong, card.Links()[0])
	assert.ErrorContains(t, err, "line 1: ")
}

// What nobody has measured is named, and the rest counted.
func TestOperationsWithoutAPrice(t *testing.T) {
	count := func(kind string) vm.CryptoCount {
		return vm.CryptoCount{CryptoOp: vm.CryptoOp{Kind: kind, Size: 16}, Count: 1}
	}
	known, without := priced(globalplatform.Account{Stats: card.Stats{
		Crypto: []vm.CryptoCount{count(api.KindMAC), count("divination")}}})
	assert.Equal(t, []vm.CryptoCount{count(api.KindMAC)}, known.Crypto)
	assert.Equal(t, []string{"divination"}, without)
}
