package globalplatform

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	client "ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/emulator/card"
)

// exchanged is a command with the card's answer; a reset of the card where there is no command.
type exchanged struct{ command, answer string }

// life is a random life of a card, and an [apdu.Card] that writes down what goes over it.
type life struct {
	b       *bench
	random  *rand.Rand
	channel *client.Client // the host's side of the session, nil for none
	record  []exchanged
}

// Transmit implements apdu.Card.
func (l *life) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	raw, err := c.Bytes()
	require.NoError(l.b.t, err)
	answer := l.b.exchange(fmt.Sprintf("%X", raw))
	l.record = append(l.record, exchanged{fmt.Sprintf("%X", raw), answer})
	return apdu.ParseResponse(unhex(answer))
}

// again does what is recorded another time.
func (l *life) again(record []exchanged) []exchanged {
	var got []exchanged
	for _, e := range record {
		var answer string
		if e.command == "" {
			require.NoError(l.b.t, l.b.Reset())
		} else {
			answer = l.b.exchange(e.command)
		}
		got = append(got, exchanged{e.command, answer})
	}
	return got
}

// Commands of a life, in hex, data after a colon: whole ones, and the beginnings, middles and
// ends of such that take several: a load, STORE DATA, a chain, a list, a personalization.
var lifeCommands = []string{
	"80E60200:06F050524F4209 00 00 00 00", "80E80000:C4820400", "80E80001:01020304",
	"80E88002:05060708", "80E20000:420331", "80E20001:3233", "80E28002:3435",
	"80E28000:4203313233", "80E68200:06F050524F", "80E60200:4209 00 00 00 00", "80F22002:4F00",
	"80F22003:4F00", "80F28002:4F00", "80F21002:4F00", "80CA00E0", "80CA0042", "00A40400",
	"00A40400:F050524F42020A", "80F04080:F050524F42020A", "80F04007:F050524F42020A",
	"80E40000:4F07F050524F42020A", "80E40000:4F06F050524F4202",
	"80E60C00:06F050524F4202 07F050524F420201 07F050524F42020A 0100 02C900 00",
	"80E62000:0000 07F050524F42020A 000000", "80080000", "80140000", "80150000:010203",
	"80500000:0102030405060708", "84820000:00112233445566778899AABBCCDDEEFF",
	"84F22002:4F00 0102030405060708", "80100000", "00A40400:F050524F42060A",
}

// parsed returns a command that is written like those of a life.
func parsed(t testing.TB, text string) apdu.Command {
	header, data, _ := strings.Cut(text, ":")
	raw, err := apdu.ParseHex(header)
	require.NoError(t, err)
	command := apdu.Command{CLA: raw[0], INS: raw[1], P1: raw[2], P2: raw[3], Ne: apdu.MaxShortNe}
	command.Data, err = apdu.ParseHex(data)
	require.NoError(t, err)
	return command
}

// live does one thing at random.
func (l *life) live(ctx context.Context) {
	switch n := l.random.IntN(20); {
	case n == 0:
		require.NoError(l.b.t, l.b.Reset())
		l.record, l.channel = append(l.record, exchanged{}), nil
	case n <= 2:
		levels := []scp03.Level{scp03.Plain, scp03.CMAC, scp03.CMACEncryptionRMAC, scp03.Full}
		keys := scp03.TestKeys()
		if l.random.IntN(8) == 0 {
			keys = otherKeys(9, 16)
		}
		opened, err := client.Open(ctx, l, nil, scp03.Options{Keys: keys, Random: l.b.random,
			Level: levels[l.random.IntN(len(levels))], S16: l.random.IntN(2) == 0})
		if err == nil {
			l.channel = opened
		}
	default:
		command := parsed(l.b.t, lifeCommands[l.random.IntN(len(lifeCommands))])
		if l.channel == nil || l.random.IntN(10) == 0 {
			_, err := l.Transmit(ctx, command)
			require.NoError(l.b.t, err)
		} else if _, err := l.channel.Card().Transmit(ctx, command); err != nil {
			l.channel = nil // the two sides are out of step
		}
	}
}

// A card that is set back answers the commands that follow as it did, whatever it was in the middle
// of, whatever it was given since, and as often as it is set back.
func TestRestoredCardsAnswerAsBefore(t *testing.T) {
	ctx := t.Context()
	b := newManaged(t, 0, 0)
	loadProbe(t, b.open(scp03.Options{}))
	blank, err := b.Snapshot()
	require.NoError(t, err)
	answers := map[string]int{}
	for seed := range uint64(60) {
		require.NoError(t, b.RestoreSnapshot(blank))
		l := &life{b: b, random: rand.New(rand.NewPCG(seed, 0))}
		for range l.random.IntN(40) {
			l.live(ctx)
		}
		snapshot, err := b.Snapshot()
		require.NoError(t, err)
		held := b.held.copied()
		l.record = nil
		for range 25 {
			l.live(ctx)
		}
		want := slices.Clone(l.record)
		for _, e := range want {
			answers[e.answer[max(0, len(e.answer)-4):]]++
		}
		for round := range 2 {
			require.NoError(t, b.RestoreSnapshot(snapshot))
			require.Equal(t, held, b.held, "seed %d", seed)
			require.Equal(t, want, l.again(want), "seed %d, round %d", seed, round)
			for range 15 { // something else
				l.live(ctx)
			}
		}
	}
	t.Logf("%v", answers)
	require.Greater(t, answers["9000"], 300, "%v: too few commands are carried out", answers)
}

// What a command leaves for the next one is in a snapshot.
func TestSnapshotsHoldWhatIsUnderWay(t *testing.T) {
	for name, steps := range map[string][]string{
		"a load":             {"80E60200:06F050524F4201 00 00 00 00", "80E80000:C4820400"},
		"data in two blocks": {"80E20000:420331", "80E28001:3233"},
		"a chain":            {"80E68200:06F05052", "80E60200:4F4201 00 00 00 00"},
		"a session":          {"80F28002:4F00", "80F28002:4F00"},
	} {
		b := plain(t)
		exchange := func(step string) string {
			response, err := b.Transmit(t.Context(), parsed(t, step))
			require.NoError(t, err)
			return fmt.Sprintf("%X", response.Bytes())
		}
		first, second := exchange(steps[0]), ""
		snapshot, err := b.Snapshot()
		require.NoError(t, err)
		for _, between := range []func(){
			func() {}, func() { b.exchange("00A4040000") }, func() { b.open(scp03.Options{}) },
			func() { require.NoError(t, b.Reset()) },
		} {
			between()
			require.NoError(t, b.RestoreSnapshot(snapshot), name)
			answer := exchange(steps[1])
			if second == "" {
				second = answer
			}
			require.Equal(t, "9000", answer[len(answer)-4:], "%s: %s", name, first)
			require.Equal(t, second, answer, name)
		}
	}
}

func TestSnapshotsAreOfOneManager(t *testing.T) {
	b := &bench{t: t, random: card.SeededRandom(t.Name())}
	c, err := card.New(card.Options{Profile: card.P71, Random: b.random})
	require.NoError(t, err)
	without, err := c.Snapshot()
	require.NoError(t, err)
	b.manage(c)
	require.ErrorContains(t, b.RestoreSnapshot(without), "take the snapshot after")
	require.Equal(t, gpc.OPReady, b.state.life)
}
