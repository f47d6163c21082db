package globalplatform

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	client "ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/card"
)

// The test applets of emulator/testdata/probe.
var (
	libPackage   = unhex("F050524F4201")
	corePackage  = unhex("F050524F4202")
	coreModule   = unhex("F050524F420201")
	coreInstance = unhex("F050524F42020A")
)

func unhex(text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return b
}

// bench is a managed card.
type bench struct {
	*Card
	t      testing.TB
	random io.Reader
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, random: card.SeededRandom(t.Name())}
	c, err := card.New(card.Options{Profile: card.P71, Random: b.random})
	require.NoError(t, err)
	b.manage(c)
	return b
}

func (b *bench) manage(c *card.Card) {
	b.t.Helper()
	var err error
	b.Card, err = New(c, Options{Random: b.random})
	require.NoError(b.t, err)
}

// reopen is the end of the program and its return with what was in the card's file.
func (b *bench) reopen() {
	b.t.Helper()
	path := filepath.Join(b.t.TempDir(), "card")
	require.NoError(b.t, b.card.Save(path))
	c, err := card.Restore(card.Options{Profile: card.P71, Random: b.random}, path)
	require.NoError(b.t, err)
	b.manage(c)
}

func (b *bench) open(o scp03.Options) *client.Client {
	b.t.Helper()
	c, err := b.tryOpen(o)
	require.NoError(b.t, err)
	return c
}

func (b *bench) tryOpen(o scp03.Options) (*client.Client, error) {
	if o.Keys == nil {
		o.Keys = scp03.TestKeys()
	}
	return client.Open(b.t.Context(), b.Card, nil, o)
}

// exchange sends hex and gives hex.
func (b *bench) exchange(command string) string {
	b.t.Helper()
	raw, err := apdu.ParseHex(command)
	require.NoError(b.t, err)
	answer, err := b.TransmitBytes(raw)
	require.NoError(b.t, err, command)
	return fmt.Sprintf("%X", answer)
}

// send is exchange of a header and data; it counts the data.
func (b *bench) send(header, data string) string {
	b.t.Helper()
	raw, err := apdu.ParseHex(data)
	require.NoError(b.t, err)
	return b.exchange(fmt.Sprintf("%s%02X%X", header, len(raw), raw))
}

// view is what the card lists of itself.
func (b *bench) view() string {
	b.t.Helper()
	var view string
	for _, p1 := range []byte{gpc.StatusISD, gpc.StatusApplications, gpc.StatusLoadFileModules} {
		entries, err := b.entries(p1, nil)
		require.NoError(b.t, err)
		view += fmt.Sprintf("%X\n", entries)
	}
	return view
}

// plain is a card with an authenticated session without secure messaging, so that
// commands can be written down.
func plain(t testing.TB) *bench {
	t.Helper()
	b := newBench(t)
	b.open(scp03.Options{Level: scp03.Plain})
	return b
}

// loadProbe loads the test packages through the channel.
func loadProbe(t testing.TB, c *client.Client) {
	t.Helper()
	for _, p := range []struct {
		name string
		aid  []byte
	}{{"lib", libPackage}, {"core", corePackage}} {
		require.NoError(t, c.Load(t.Context(), p.aid, block(t, p.name)), p.name)
	}
}

// block is the load file data block of a test package.
func block(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile("../testdata/probe/" + name + ".cap")
	require.NoError(t, err)
	file, err := cap.Parse(content)
	require.NoError(t, err)
	return file.LoadFile()
}

func otherKeys(fill byte, n int) scp03.Keys {
	key := func(i byte) []byte { return bytes.Repeat([]byte{fill + i}, n) }
	return scp03.Keys{ENC: key(0), MAC: key(1), DEK: key(2)}
}
