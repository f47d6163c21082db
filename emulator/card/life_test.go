package card_test

import (
	"context"
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/vm"
)

func TestLoadRefuses(t *testing.T) {
	b := newBench(t, card.P71)
	_, err := b.Load(readCAP(t, "core"))
	require.ErrorIs(t, err, card.ErrRefused)
	assert.ErrorContains(t, err, libPackage.String(), "the import that is missing, by name")
	_, err = b.Load(readCAP(t, "lib")[:500])
	require.ErrorIs(t, err, card.ErrRefused)
	b.load("lib")
	_, err = b.Load(readCAP(t, "lib"))
	require.ErrorIs(t, err, card.ErrRefused, "twice")
	b.load("core")
	packages := b.Packages()
	require.Len(t, packages, 2)
	assert.Equal(t, libPackage, packages[0].AID)
	assert.Empty(t, packages[0].Modules)
	assert.Equal(t, []card.AID{coreModule}, packages[1].Modules)
}

func TestInstall(t *testing.T) {
	b := newBench(t, card.P71)
	b.load("lib", "core")
	refused := func(module, instance card.AID, parameters []byte, says string) {
		t.Helper()
		before, err := b.Memory()
		require.NoError(t, err)
		_, err = b.Install(module, instance, parameters)
		require.ErrorIs(t, err, card.ErrRefused)
		require.ErrorContains(t, err, says)
		after, err := b.Memory()
		require.NoError(t, err)
		assert.Equal(t, before, after, "nothing remains")
	}
	refused(libPackage, coreInstance, nil, "no loaded package has an applet")
	refused(coreModule, coreInstance, make([]byte, 120), "127")

	_, err := b.Install(coreModule, coreInstance, unhex(t, "C0FFEE"))
	require.NoError(t, err)
	refused(coreModule, coreInstance, nil, "already")
	b.selectApplet(coreInstance)
	assert.Equal(t, lower("07 F050524F42020A 00 03 C0FFEE 9000"), b.send(insInstallData, 0, 0),
		"JCRE 3.0.5 §3.1")
	assert.Equal(t, []card.Applet{{AID: coreInstance, Module: coreModule, Package: corePackage}},
		b.Applets())

	// The issuer may name an instance by another RID than the package's, as NDEF applets are.
	ndef := aid("D2760000850101")
	_, err = b.Install(coreModule, ndef, nil)
	require.NoError(t, err)
	b.selectApplet(ndef)
}

// However loading is cut off, the package is there as a whole or not at all.
func TestPowerCutAtLoad(t *testing.T) {
	file := readCAP(t, "core")
	for n := 1; ; n++ {
		b := newBench(t, card.P71)
		b.load("lib")
		before, err := b.Memory()
		require.NoError(t, err)
		b.CutBefore(n)
		_, err = b.Load(file)
		if err == nil {
			assert.Greater(t, n, 1)
			return
		}
		require.ErrorIs(t, err, card.ErrPowerLost)
		b.Reset()
		require.Len(t, b.Packages(), 1, "cut before write %d", n)
		after, err := b.Memory()
		require.NoError(t, err)
		require.Equal(t, before, after)
		b.load("core")
		_, err = b.Install(coreModule, coreInstance, nil)
		require.NoError(t, err)
	}
}

// However an installation is cut off, nothing of it remains and it can be repeated.
func TestPowerCutAtInstall(t *testing.T) {
	reference := newBench(t, card.P71)
	reference.load("lib", "core")
	blank, err := reference.Memory()
	require.NoError(t, err)
	for n := 1; ; n++ {
		b := newBench(t, card.P71)
		b.load("lib", "core")
		b.CutBefore(n)
		_, err := b.Install(coreModule, coreInstance, nil)
		if err == nil {
			assert.Greater(t, n, 30, "an installation has many writes")
			return
		}
		require.ErrorIs(t, err, card.ErrPowerLost)
		_, err = b.TransmitBytes(command(insMade, 0, 0))
		require.ErrorIs(t, err, card.ErrPowerLost)
		b.Reset()
		require.Empty(t, b.Applets())
		memory, err := b.Memory()
		require.NoError(t, err)
		require.Equal(t, blank, memory, "cut before write %d", n)
		_, err = b.Install(coreModule, coreInstance, nil)
		require.NoError(t, err)
		b.selectApplet(coreInstance)
		require.Equal(t, untouched, b.state())
	}
}

// An instance whose registration an abort took back is not there, and the card goes on: others are
// installed, and it is kept and read.
func TestRegistrationInATransaction(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.card")
	c, err := card.Open(card.Options{Profile: card.P71}, path)
	require.NoError(t, err)
	_, err = c.Load(readCAP(t, "newer"))
	require.NoError(t, err)
	before, err := c.Memory()
	require.NoError(t, err)
	for _, how := range []byte{0x71, 0x72} { // left open, aborted
		_, err = c.Install(newerModule, newerInstance, []byte{how})
		require.ErrorIs(t, err, card.ErrRefused)
		assert.ErrorContains(t, err, "commit it before install returns")
		assert.Empty(t, c.Applets())
		after, err := c.Memory()
		require.NoError(t, err)
		assert.Equal(t, before, after)
		c.Reset()
	}
	_, err = c.Install(newerModule, newerInstance, []byte{0x73}) // committed
	require.NoError(t, err)
	c, err = card.Open(card.Options{Profile: card.P71}, path)
	require.NoError(t, err)
	require.Len(t, c.Applets(), 1)
	assert.Equal(t, newerInstance, c.Applets()[0].AID)
}

func TestPowerCutAtDelete(t *testing.T) {
	for n := 1; ; n++ {
		b := newProbe(t, card.P71)
		b.CutBefore(n)
		err := b.Delete(coreInstance)
		if err == nil {
			assert.Greater(t, n, 1)
			assert.Empty(t, b.Applets())
			return
		}
		require.ErrorIs(t, err, card.ErrPowerLost)
		b.Reset()
		if len(b.Applets()) == 1 {
			b.selectApplet(coreInstance)
			require.Equal(t, "9000", b.send(insTransact, 0, 5), "whole")
			require.NoError(t, b.Delete(coreInstance))
		}
		require.NoError(t, b.Delete(corePackage), "nothing holds it any more")
	}
}

// newFamily is a card with three instances of the test applet, installed in the
// order B, A, AB, of which the AID of A begins that of AB.
func newFamily(t *testing.T) bench {
	b := newBench(t, card.P71)
	b.load("lib", "core")
	for _, name := range []string{"F050524F42020B", "F050524F42020A", "F050524F42020AFF"} {
		_, err := b.Install(coreModule, aid(name), nil)
		require.NoError(t, err)
	}
	return b
}

// selected asks the applet for its AID.
func (b bench) selected() string {
	life := b.send(insLife, 0, 0)
	return strings.ToUpper(life[16 : len(life)-4])
}

func TestSelect(t *testing.T) {
	const (
		first, next = 0x00, 0x02
		notSelected = "6999"
	)
	steps := []struct {
		name string
		aid  string
		p2   byte
		want string // the AID selected then, or a status word
	}{
		{"whole AID", "F050524F42020A", first, "F050524F42020A"},
		{"partial AID: the first installed", "F050524F4202", first, "F050524F42020B"},
		{"next after it", "F050524F4202", next, "F050524F42020A"},
		{"next after that", "F050524F4202", next, "F050524F42020AFF"},
		{"no more: the selected applet answers", "F050524F4202", next, "6E00"},
		{"next of another prefix", "F050524F42020A", next, "6E00"},
		{"unknown: the selected applet answers", "F050524F4209", first, "6E00"},
		{"the last occurrence is for the applet", "F050524F4202", 0x01, "6E00"},
		{"no name is for the applet", "", first, "6E00"},
		{"exact before partial", "F050524F42020AFF", first, "F050524F42020AFF"},
		{"the shorter one again", "F050524F42020A", first, "F050524F42020A"},
	}
	b := newFamily(t)
	assert.Equal(t, notSelected, b.send(insLife, 0, 0), "nothing is selected after making a card")
	assert.Equal(t, notSelected, b.exchange(selectCommand(aid("F050524F4209"), first)),
		"unknown and nobody to ask")
	for _, s := range steps {
		name := unhex(t, s.aid)
		answer := b.exchange(selectCommand(name, s.p2))
		if len(s.want) == 4 {
			assert.Equal(t, lower(s.want), answer, s.name)
			continue
		}
		require.Equal(t, "9000", answer, s.name)
		assert.Equal(t, s.want, b.selected(), s.name)
	}
	b.Reset()
	assert.Equal(t, notSelected, b.send(insLife, 0, 0), "nor after a reset")
	b.exchange(selectCommand(unhex(t, "F050524F4202"), next))
	assert.Equal(t, "F050524F42020B", b.selected(), "next of nothing is the first")
}

func TestSelectAndDeselectAreCalled(t *testing.T) {
	b := newFamily(t)
	a, other := aid("F050524F42020A"), aid("F050524F42020B")
	counts := func() string { return b.send(insLife, 0, 0)[:14] }
	b.selectApplet(a)
	assert.Equal(t, "00010000000000", counts(), "selected(2) deselected(2) uninstalled(2) channel")
	b.selectApplet(a)
	assert.Equal(t, "00020001000000", counts(), "selected again")
	b.selectApplet(other)
	assert.Equal(t, "00010000000000", counts(), "its own counts")
	require.NoError(t, b.Delete(aid("F050524F42020AFF")))
	b.selectApplet(a)
	assert.Equal(t, "00030002000100", counts(), "the other one was notified of its deletion")
	b.Reset()
	b.selectApplet(a)
	assert.Equal(t, "00040002000100", counts(), "a reset notifies no applet (JCRE 3.0.5 §3.4)")

	require.Equal(t, "9000", b.send(insRefuseSelect, 0, 0))
	assert.Equal(t, "6999", b.exchange(selectCommand(a, 0)),
		"the applet does not want to be selected")
	assert.Equal(t, "6999", b.send(insLife, 0, 0), "and nothing is")
	b.selectApplet(a)
}

func TestDelete(t *testing.T) {
	b := newFamily(t)
	require.ErrorIs(t, b.Delete(aid("F050524F42020C")), card.ErrRefused)
	require.ErrorIs(t, b.Delete(corePackage), card.ErrRefused, "it has instances")
	for _, a := range b.Applets() {
		require.NoError(t, b.Delete(a.AID))
	}
	require.NoError(t, b.Delete(corePackage))
	require.NoError(t, b.Delete(libPackage))
	assert.Empty(t, b.Packages())
	b.load("lib", "core")
	_, err := b.Install(coreModule, coreInstance, nil)
	require.NoError(t, err)
	b.selectApplet(coreInstance)
	assert.Equal(t, untouched, b.state(), "nothing of the old one")
}

// What the runtime environment answers by itself.
func TestCommandsThatNoAppletSees(t *testing.T) {
	steps := []struct{ name, command, want string }{
		{"too short", "8010", "6700"},
		{"Lc and less data", "80100000 05 0102", "6700"},
		{"class FF (JCRE 3.0.5 §4.3)", "FF100000", "6E00"},
		{"channel 1", "81100000", "6881"},
		{"channel 4", "C0100000", "6881"},
		{"MANAGE CHANNEL", "00700000 01", "6881"},
		{"class of the applet, unknown instruction", "80000000", "6D00"},
		{"class that the applet does not know", "90000000", "6E00"},
		{"SELECT of a file is the applet's", "00A40000 02 3F00", "6E00"},
		{"SELECT with secure messaging is the applet's", "04A40400 07 F050524F42020A", "6E00"},
	}
	basic := card.P71
	basic.Channels = 1
	b := newProbe(t, basic)
	for _, s := range steps {
		assert.Equal(t, lower(s.want), b.exchange(unhex(t, s.command)), s.name)
	}
}

// echo is a command with data and what the applet finds in it: its length, the sum
// of its bytes and the Ne that it was given.
func echoed(data []byte, ne int) string {
	sum := 0
	for _, d := range data {
		sum += int(d)
	}
	answer := []byte{byte(len(data) >> 8), byte(len(data)), byte(sum >> 8), byte(sum),
		byte(ne >> 8), byte(ne)}
	return hex.EncodeToString(answer) + "9000"
}

func TestDataOfEveryLength(t *testing.T) {
	b := newProbe(t, card.P71)
	rapid.Check(t, func(r *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 1,
			rapid.SampledFrom([]int{20, 255, 256, 257, 1000, 5000}).Draw(r, "most")).Draw(r, "data")
		ne := rapid.IntRange(6, 5000).Draw(r, "ne")
		c := apdu.Command{CLA: 0x80, INS: insEcho, Data: data, Ne: ne,
			Extended: rapid.Bool().Draw(r, "extended")}
		raw, err := c.Bytes()
		require.NoError(r, err)
		if !c.IsExtended() && ne > 256 {
			ne = 256
		}
		if got := b.exchange(raw); got != echoed(data, ne) {
			r.Fatalf("%d bytes: %s, not %s", len(data), got, echoed(data, ne))
		}
	})
}

func TestResponsesOfEveryLength(t *testing.T) {
	b := newProbe(t, card.P71)
	for _, n := range []int{0, 1, 99, 100, 101, 255, 256, 257, 300, 5000} {
		want := make([]byte, n)
		for i := range want {
			want[i] = byte(i)
		}
		response, err := b.Transmit(context.Background(), apdu.Command{
			CLA: 0x80, INS: insSend, P1: byte(n >> 8), P2: byte(n), Ne: apdu.MaxExtendedNe,
		})
		require.NoError(t, err)
		require.NoError(t, response.Err(), n)
		assert.Equal(t, want, append([]byte{}, response.Data...), n)
	}
	response, err := b.Transmit(context.Background(),
		apdu.Command{CLA: 0x80, INS: insSendLong, Ne: 256})
	require.NoError(t, err)
	assert.Equal(t, "07F050524F42020A00009000", response.String(), "from an array of the applet")
}

func TestShortProfileRefusesExtendedLength(t *testing.T) {
	b := newProbe(t, card.P71Short)
	assert.Equal(t, "6700", b.exchange(unhex(t, "807C0000 000001 01 0000")))
	assert.Equal(t, echoed([]byte{1}, 256), b.exchange(unhex(t, "807C0000 01 01 00")))
	assert.Equal(t, "6f00", b.send(insSend, 1, 1),
		"257 bytes: APDUException.BAD_LENGTH, which the applet does not catch")
	assert.Len(t, b.send(insSend, 1, 0), 2*256+4)

	vault := newVault(t) // does not declare that it takes extended length
	assert.Equal(t, "6700", vault.exchange(unhex(t, "80120000 000000")))
}

func TestInterfaceIsReported(t *testing.T) {
	for _, row := range []struct {
		through card.Interface
		want    string
	}{{card.Contact, "019000"}, {card.Contactless, "819000"}, {0, "019000"}} {
		c, err := card.New(card.Options{Profile: card.P71, Interface: row.through})
		require.NoError(t, err)
		b := bench{c, t}
		b.load("lib", "core")
		_, err = b.Install(coreModule, coreInstance, nil)
		require.NoError(t, err)
		b.selectApplet(coreInstance)
		assert.Equal(t, row.want, b.send(insProtocol, 0, 0),
			"APDU.PROTOCOL_T1, and PROTOCOL_MEDIA_CONTACTLESS_TYPE_A with it")
	}
}

func TestTransmitKeepsToItsContext(t *testing.T) {
	b := newProbe(t, card.P71)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := b.Transmit(ctx, apdu.Command{CLA: 0x80, INS: insMade, Ne: 256})
	assert.ErrorIs(t, err, context.Canceled)
}

func TestProbeSeesEveryInstructionAndCall(t *testing.T) {
	seen, calls := 0, 0
	methods := map[*vm.Method]bool{}
	c, err := card.New(card.Options{Profile: card.P71, Probe: vm.Probe{
		Instruction: func(at vm.Site) vm.Action {
			seen++
			methods[at.Method] = true
			return vm.Action{}
		},
		Call: func(*vm.Invocation) vm.Action {
			calls++
			return vm.Action{}
		},
	}})
	require.NoError(t, err)
	b := bench{c, t}
	b.load("lib", "core")
	_, err = b.Install(coreModule, coreInstance, nil)
	require.NoError(t, err)
	b.selectApplet(coreInstance)
	seen, calls = 0, 0
	clear(methods)
	b.send(insFibonacci, 0, 10)
	assert.Equal(t, b.LastCommand().Bytecodes, seen)
	assert.Equal(t, b.LastCommand().Invocations, calls)
	assert.Len(t, methods, 3, "process, dispatch and the recursion")
}

func TestTranscriptAndSeed(t *testing.T) {
	record := func(seed string) (string, string) {
		var transcript strings.Builder
		c, err := card.New(card.Options{Profile: card.P71, Random: card.SeededRandom(seed),
			Transcript: &transcript})
		require.NoError(t, err)
		b := bench{c, t}
		b.load("lib", "core")
		_, err = b.Install(coreModule, coreInstance, nil)
		require.NoError(t, err)
		b.selectApplet(coreInstance)
		random := b.send(insCrypto, 8, 0, make([]byte, 16)...)
		b.CutBefore(2)
		_, err = b.TransmitBytes(command(insTransact, 0, 1))
		require.ErrorIs(t, err, card.ErrPowerLost)
		b.Reset()
		return transcript.String(), random
	}
	first, random := record("a")
	again, sameRandom := record("a")
	_, otherRandom := record("b")
	assert.Equal(t, first, again)
	assert.Equal(t, random, sameRandom)
	assert.NotEqual(t, random, otherRandom)
	lines := strings.Split(strings.TrimSpace(first), "\n")
	require.Len(t, lines, 8)
	assert.Equal(t, "card p71", lines[0])
	assert.Regexp(t, `^load F050524F4201 \(writes \d+\)$`, lines[1])
	assert.Regexp(t,
		`^install F050524F420201 F050524F42020A with "" -> F050524F42020A \(writes \d+\)$`,
		lines[3])
	assert.Regexp(t, `^command 00A4040007F050524F42020A -> 9000 \(writes 1, bytecodes \d+\)$`,
		lines[4])
	assert.Regexp(t,
		`^command 806000010\d* -> the card has lost power before persistent write 2; reset it$`,
		lines[6])
	assert.Equal(t, "reset", lines[7])
}
