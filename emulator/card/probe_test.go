package card_test

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
)

// The test applets of emulator/testdata/probe and their instructions.
const (
	probeFolder = "../testdata/probe/"

	insInt           = 0x10
	insShort         = 0x11
	insCollatz       = 0x12
	insCRC           = 0x13
	insSwitch        = 0x14
	insSum           = 0x15
	insFibonacci     = 0x16
	insSort          = 0x17
	insDescribe      = 0x20
	insScale         = 0x21
	insTypes         = 0x22
	insCast          = 0x23
	insStore         = 0x24
	insSame          = 0x25
	insMade          = 0x26
	insNested        = 0x30
	insReturn        = 0x31
	insRaise         = 0x32
	insRaw           = 0x33
	insStatics       = 0x40
	insChangeStatics = 0x41
	insFill          = 0x50
	insReadFilled    = 0x51
	insKinds         = 0x52
	insExhaust       = 0x53
	insGarbage       = 0x54
	insCollect       = 0x55
	insRing          = 0x57
	insDrop          = 0x58
	insProtocol      = 0x59
	insTransact      = 0x60
	insReadState     = 0x61
	insPIN           = 0x70
	insCrypto        = 0x78
	insLife          = 0x7A
	insInstallData   = 0x7B
	insEcho          = 0x7C
	insSend          = 0x7D
	insSendLong      = 0x7E
	insRefuseSelect  = 0x7F
)

var (
	libPackage   = aid("F050524F4201")
	corePackage  = aid("F050524F4202")
	coreModule   = aid("F050524F420201")
	coreInstance = aid("F050524F42020A")
)

func aid(text string) card.AID {
	a, err := card.ParseAID(text)
	if err != nil {
		panic(err)
	}
	return a
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	require.NoError(t, err)
	return b
}

// bench is a card with what a test does to it.
type bench struct {
	*card.Card
	t testing.TB
}

func newBench(t testing.TB, profile card.Profile) bench {
	t.Helper()
	c, err := card.New(card.Options{Profile: profile, Random: card.SeededRandom(t.Name())})
	require.NoError(t, err)
	return bench{c, t}
}

// load loads CAP files of the test applets, by name.
func (b bench) load(names ...string) {
	b.t.Helper()
	for _, name := range names {
		_, err := b.Load(readCAP(b.t, name))
		require.NoError(b.t, err, name)
	}
}

// newProbe is a card with the test applet installed and selected.
func newProbe(t testing.TB, profile card.Profile) bench {
	t.Helper()
	b := newBench(t, profile)
	b.load("lib", "core")
	_, err := b.Install(coreModule, coreInstance, nil)
	require.NoError(t, err)
	b.selectApplet(coreInstance)
	return b
}

// exchange sends an APDU in hex and returns data and status word in hex.
func (b bench) exchange(command []byte) string {
	b.t.Helper()
	answer, err := b.TransmitBytes(command)
	require.NoError(b.t, err, "%X", command)
	return hex.EncodeToString(answer)
}

func (b bench) selectApplet(name card.AID) {
	b.t.Helper()
	require.Equal(b.t, "9000", b.exchange(selectCommand(name, 0)))
}

func selectCommand(name card.AID, p2 byte) []byte {
	return append([]byte{0x00, 0xA4, 0x04, p2, byte(len(name))}, name...)
}

// command encodes a command for the test applet, with Le.
func command(ins, p1, p2 byte, data ...byte) []byte {
	c := []byte{0x80, ins, p1, p2}
	if len(data) > 0 {
		c = append(append(c, byte(len(data))), data...)
	}
	return append(c, 0)
}

func (b bench) send(ins, p1, p2 byte, data ...byte) string {
	b.t.Helper()
	return b.exchange(command(ins, p1, p2, data...))
}

// row is a command to the test applet and what comes back, by the Java language
// and the Java Card specifications.
type row struct {
	name     string
	ins      byte
	p1, p2   byte
	data     string
	response string // data and status word
}

func run(t *testing.T, b bench, rows []row) {
	t.Helper()
	for _, r := range rows {
		assert.Equal(t, lower(r.response), b.send(r.ins, r.p1, r.p2, unhex(t, r.data)...), r.name)
	}
}

func lower(text string) string { return strings.ToLower(strings.ReplaceAll(text, " ", "")) }

func readCAP(t testing.TB, name string) []byte {
	t.Helper()
	file, err := os.ReadFile(probeFolder + name + ".cap")
	require.NoError(t, err)
	return file
}
