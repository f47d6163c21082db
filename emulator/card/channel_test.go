package card_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
)

// channelStep is a command and what the card answers; * stands for anything behind.
type channelStep struct{ name, command, want string }

func (b bench) steps(steps []channelStep) {
	b.t.Helper()
	for _, s := range steps {
		got := b.exchange(unhex(b.t, s.command))
		if want := lower(s.want); want[len(want)-1] == '*' {
			want = want[:len(want)-1]
			got = got[:min(len(got), len(want))]
			assert.Equal(b.t, want, got, s.name)
		} else {
			assert.Equal(b.t, want, got, s.name)
		}
	}
}

const (
	selectCore  = "A4040007F050524F42020A" // without class
	selectPurse = "A4040007F050524F420801"
	otherPurse  = "A4040007F050524F420802"
)

// newChannels is a card with the probe applet, which is MultiSelectable and selected on the basic
// channel, and two purses of a package that is not.
func newChannels(t *testing.T, profile card.Profile) bench {
	t.Helper()
	b := newProbe(t, profile)
	content, err := os.ReadFile("../testdata/probe/purse.cap")
	require.NoError(t, err)
	p, err := b.Load(content)
	require.NoError(t, err)
	for _, name := range []string{"F050524F420801", "F050524F420802"} {
		_, err = b.Install(p.Modules[0], aid(name), nil)
		require.NoError(t, err)
	}
	b.selectApplet(coreInstance)
	return b
}

// Channels are opened, used and closed as ISO/IEC 7816-4 §11.1.2 and JCRE 3.0.4 §4.3 to §4.6 have
// it, with the status words of JCRE 3.0.4 §4.5.1 and §4.6.1.
func TestLogicalChannels(t *testing.T) {
	b := newChannels(t, card.P71)
	b.steps([]channelStep{
		{"channel that is not open", "8140000000", "6881"},
		{"without Le", "00700000", "6C01"},
		{"with an Le that is not 1", "0070000000", "6C01"},
		{"with data", "0070000001A5", "6700"},
		{"P1", "0070400001", "6A81"},
		{"number 20", "00700014", "6A81"},
		{"number 20, closing", "00708014", "6A81"},
		{"number that the card has not", "00700004", "6A86"},
		{"secure messaging", "0470000001", "6882"},
		{"in parts", "1070000001", "6884"},
		{"numbered", "00700002", "9000"},
		{"numbered again", "00700002", "6A86"},
		{"assigned", "0070000001", "019000"},
		{"the next one", "0070000001", "039000"},
		{"no more", "0070000001", "6A81"},
		{"nothing is selected there", "8140000000", "6999"},
		{"selected", "01" + selectPurse, "9000"},
		{"its command", "8110000002 0064", "9000"},
		{"the basic channel has its own", "807A000000", "0002*"},
		{"of the same package, which is not MultiSelectable", "02" + selectPurse, "6985"},
		{"another instance", "02" + otherPurse, "6985"},
		{"on its own channel it may", "01" + otherPurse, "9000"},
		{"and back", "01" + selectPurse, "9000"},
		{"MultiSelectable, active on the basic channel", "02" + selectCore, "9000"},
		{"opened from a channel", "0170000001", "6A81"},
		{"closed", "00708003", "9000"},
		{"closed twice", "00708003", "6200"},
		{"inherits what is not MultiSelectable", "0170000001", "6985"},
		{"which opens nothing", "0370000001", "6881"},
		{"inherits what is", "0270000001", "039000"},
		{"closed by itself", "03708003", "9000"},
		{"the basic one is never", "00708000", "6A81"},
		{"nor by another channel", "01708000", "6A81"},
		{"classes A0 to BF name channels too", "B140000000", "00649000"},
		{"of which one is not open", "B340000000", "6881"},
		{"one that is not open", "0170800F", "6200"},
		{"class of channel 4", "C040000000", "6881"},
		{"the purse is as it was", "8140000000", "00649000"},
	})
	b.Reset()
	b.steps([]channelStep{{"after a reset", "8140000000", "6881"},
		{"the first again", "0070000001", "019000"}})

	one := card.P71
	one.Channels = 1
	newProbe(t, one).steps([]channelStep{{"MANAGE CHANNEL", "0070000001", "6881"},
		{"channel 1", "81100000", "6881"}})
	all := newProbe(t, card.Unlimited)
	all.steps([]channelStep{{"numbered", "00700013", "9000"}, {"used", "4F" + selectCore, "9000"},
		{"not that of another", "C040000000", "6881"}})
}

// A SELECT by name opens the channel that it is on, if the card has it, and whatever becomes of the
// SELECT (JCRE 3.0.4 §4.5.2); no other command does.
func TestSelectOpensItsChannel(t *testing.T) {
	b := newChannels(t, card.P71)
	b.steps([]channelStep{
		{"a channel that the card has not", "40" + selectPurse, "6881"},
		{"in parts", "11" + selectPurse, "6881"},
		{"with secure messaging", "05" + selectPurse, "6881"},
		{"of a file", "01A40000023F00", "6881"},
		{"of a proprietary class", "81" + selectPurse, "6881"},
		{"another command", "8140000000", "6881"},
		{"opened and selected", "01" + selectPurse, "9000"},
		{"its command", "8110000002 0064", "9000"},
		{"opened by one that is refused", "02" + selectPurse, "6985"},
		{"where nothing is selected", "8240000000", "6999"},
		{"of no applet", "03A4040005F0FFFFFFFF", "6999"},
		{"which has opened it", "8340000000", "6999"},
		{"no more", "0070000001", "6A81"},
		{"closed", "00708001", "9000"},
		{"and not open", "8140000000", "6881"},
		{"nothing is selected when it is opened again", "0070000001", "019000"},
		{"not what was", "8140000000", "6999"},
	})
}

// A MultiSelectable applet is told so, and its CLEAR_ON_DESELECT memory is there until it is
// selected on no channel (JCRE 3.0.5 §4.2, §5.1).
func TestMemoryOfChannels(t *testing.T) {
	b := newChannels(t, card.P71)
	counts := func() string { return b.send(insLife, 0, 0)[:8] }
	blank := b.send(insReadFilled, 0, 0)
	require.Equal(t, "9000", b.send(insFill, 0x2A, 0))
	filled := b.send(insReadFilled, 0, 0)
	require.NotEqual(t, blank, filled)
	before := counts()
	b.steps([]channelStep{{"opened", "0070000001", "019000"},
		{"selected twice", "01" + selectCore, "9000"}})
	assert.Equal(t, "00660001", counts(), "select(true), from %s", before)
	b.steps([]channelStep{{"another there", "01" + selectPurse, "9000"}})
	assert.Equal(t, "00660065", counts(), "deselect(true)")
	assert.Equal(t, filled, b.send(insReadFilled, 0, 0), "its memory stayed")
	s, err := b.Snapshot()
	require.NoError(t, err)
	b.steps([]channelStep{{"selected twice", "01" + selectCore, "9000"},
		{"no longer here", "00" + selectPurse, "9000"},
		{"and here again", "00" + selectCore, "9000"}})
	assert.Equal(t, filled, b.send(insReadFilled, 0, 0), "it stayed selected on channel 1")
	b.steps([]channelStep{{"closed", "00708001", "9000"},
		{"deselected", "00" + selectPurse, "9000"}, {"and again", "00" + selectCore, "9000"}})
	cleared := b.send(insReadFilled, 0, 0)
	assert.NotEqual(t, filled, cleared, "selected nowhere")
	require.NoError(t, b.RestoreSnapshot(s))
	assert.Equal(t, filled, b.send(insReadFilled, 0, 0))
	b.steps([]channelStep{{"the purse is on channel 1", "8140000000", "00009000"},
		{"the other on the basic one", "00" + selectCore, "9000"}})

	require.ErrorContains(t, b.Delete(aid("F050524F420801")), "another logical channel")
	require.NoError(t, b.Delete(aid("F050524F420802")))
	b.steps([]channelStep{{"still", "8140000000", "00009000"}})
}
