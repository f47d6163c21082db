// Package hello is an example: an applet with its build file, its script and this test, which
// has what a test of your own applet needs.
package hello

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/emulator/card"
	"ekrona.example/host/lab"
	"ekrona.example/host/shell"
	"ekrona.example/scripts/capbuild"
)

var aid = card.AID("\xF0HELLO\x01")

// newCard is a virtual P71 with the applet, selected. The same seed draws the same numbers.
func newCard(t *testing.T) *card.Card {
	t.Helper()
	c, err := card.New(card.Options{Profile: card.P71, Random: card.SeededRandom("hello")})
	require.NoError(t, err)
	file, err := os.ReadFile("hello.cap")
	require.NoError(t, err)
	_, err = c.Load(file)
	require.NoError(t, err)
	_, err = c.Install(aid, aid, nil)
	require.NoError(t, err)
	selectHello(t, c)
	return c
}

func selectHello(t *testing.T, c *card.Card) {
	t.Helper()
	send(t, c, apdu.Command{INS: 0xA4, P1: 0x04, Data: aid}, apdu.OK)
}

// send sends one command, requires that status word and returns the data.
func send(t *testing.T, c *card.Card, command apdu.Command, want apdu.StatusWord) string {
	t.Helper()
	r, err := c.Transmit(t.Context(), command)
	require.NoError(t, err)
	require.Equal(t, want, r.SW)
	return string(r.Data)
}

var (
	greet = apdu.Command{CLA: 0x80, INS: 0x02, Ne: 256}
	name  = apdu.Command{CLA: 0x80, INS: 0x04, Data: []byte("Ada")}
	count = apdu.Command{CLA: 0x80, INS: 0x06, Ne: 2}
)

func TestHello(t *testing.T) {
	c := newCard(t)
	assert.Equal(t, "Hello, world", send(t, c, greet, apdu.OK))
	send(t, c, name, apdu.OK)
	assert.Equal(t, "Hello, Ada", send(t, c, greet, apdu.OK))
	assert.Equal(t, "\x00\x02", send(t, c, count, apdu.OK))
	send(t, c, apdu.Command{CLA: 0x80, INS: 0x04}, apdu.SWWrongLength)
}

// The power fails before each persistent write of the new name: the former one stays, whole.
func TestNamesAreNotTorn(t *testing.T) {
	for n := 1; ; n++ {
		c := newCard(t)
		c.CutBefore(n)
		_, err := c.Transmit(t.Context(), name)
		if err == nil { // fewer writes than n: none was cut
			require.Greater(t, n, 1)
			return
		}
		require.ErrorIs(t, err, card.ErrPowerLost)
		c.Reset()
		selectHello(t, c)
		assert.Equal(t, "Hello, world", send(t, c, greet, apdu.OK), "cut before write %d", n)
	}
}

// The script is a test of its own: "ekrona shell" and the words of "ekrona lab" take it.
func TestScript(t *testing.T) {
	s := &lab.Subject{Profile: card.P71, CAPs: []string{"hello.cap"}, InstallAll: true,
		Words: shell.Words()}
	file, err := os.Open("hello.txt")
	require.NoError(t, err)
	defer file.Close()
	script, err := s.ReadScript(file)
	require.NoError(t, err)
	bench, err := s.Open(context.Background())
	require.NoError(t, err)
	for _, line := range script {
		assert.NoError(t, bench.Execute(t.Context(), line.Text).Err(), "line %d", line.Number)
	}
}

// The CAP file is the one that was built from the source as it is.
func TestTheCAPFileIsCurrent(t *testing.T) {
	root, packages, err := capbuild.ReadPackage("hello.json")
	require.NoError(t, err)
	for _, p := range packages {
		m, err := capbuild.ReadManifest(root, p)
		require.NoError(t, err)
		require.NoError(t, m.Check(root, p))
	}
}
