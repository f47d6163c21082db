package suite

import (
	"bytes"
	"context"
	"crypto/rand"
	"flag"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/emulator/card"
)

var (
	differentialCommands = flag.Int("differential-commands", 1000,
		"how many commands to compare between emulator and jCardSim")
	differentialSeed = flag.Uint64("differential-seed", 1, "the first life")
)

// lifeLength is how many commands a life has at most.
const lifeLength = 150

// TestDifferential compares the CAP file on the emulator with the classes on jCardSim.
// More than the default, by hand:
//
//	go test ./applet/suite -run TestDifferential -differential-commands 1000000 \
//		-differential-seed 5 -timeout 12h
func TestDifferential(t *testing.T) {
	w := NewDifferential(NewEmulator(card.Unlimited), startJCardSim(t, buildJCardSim(t)))
	var lives int
	for seed := *differentialSeed; w.Commands < *differentialCommands; seed++ {
		require.NoError(t, w.Run(t.Context(), seed, lifeLength), "after %d commands in all",
			w.Commands)
		lives++
	}
	t.Logf("%d commands in %d lives, %d under secure messaging", w.Commands, lives, w.Secured)
	assert.NotZero(t, w.Secured)
	for _, sw := range slices.Sorted(maps.Keys(w.Statuses)) {
		t.Logf("%s %d", sw, w.Statuses[sw])
	}
	for fault, n := range w.Faults {
		t.Logf("set aside: %d, %s", n, fault)
	}
	for _, c := range spec.Commands {
		assert.NotZero(t, w.Drawn[c.Name], "no life draws %s; see draw", c.Name)
	}
	assert.Greater(t, w.Statuses["9000"], w.Commands/4, "most lives go deep")
}

// alteredTarget is an emulator whose answers to one instruction are not the card's.
type alteredTarget struct {
	*Emulator
	about byte
	alter func(r *apdu.Response)
}

func (l alteredTarget) Install(ctx context.Context, parameters []byte) (apdu.Card, error) {
	honest, err := l.Emulator.Install(ctx, parameters)
	if err != nil {
		return nil, err
	}
	return apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		r, err := honest.Transmit(ctx, c)
		if err == nil && c.INS == l.about && r.SW == apdu.OK {
			r.Data = bytes.Clone(r.Data)
			l.alter(&r)
		}
		return r, err
	}), nil
}

// TestDifferentialSeesDifferences: two correct cards have none, and each kind of
// altered answer is found.
func TestDifferentialSeesDifferences(t *testing.T) {
	const lives = 10
	run := func(l alteredTarget) (failed error) {
		l.Emulator = NewEmulator(card.P71)
		w := NewDifferential(NewEmulator(card.P71), l)
		for seed := range uint64(lives) {
			if err := w.Run(t.Context(), seed, lifeLength); err != nil {
				return err
			}
		}
		assert.Empty(t, w.Faults)
		return nil
	}
	require.NoError(t, run(alteredTarget{alter: func(*apdu.Response) {}}))
	for what, l := range map[string]alteredTarget{
		"status word": {about: spec.GetData.INS,
			alter: func(r *apdu.Response) { r.SW = apdu.StatusWord(spec.SWSecurity) }},
		"one byte less": {about: spec.GetData.INS,
			alter: func(r *apdu.Response) { r.Data = r.Data[:len(r.Data)-1] }},
		"another balance": {about: spec.GetData.INS,
			alter: func(r *apdu.Response) { r.Data[len(r.Data)-1] ^= 1 }},
		"another life cycle": {about: spec.Select.INS,
			alter: func(r *apdu.Response) {
				r.Data[bytes.Index(r.Data,
					[]byte{byte(spec.TagLifeCycle), 1})+2] ^= 4
			}},
		"a certificate that is not always the same": {about: spec.GetData.INS,
			alter: func(r *apdu.Response) {
				if at := bytes.Index(r.Data,
					[]byte{byte(spec.TagPoint), spec.PointLength}); at >= 0 {
					_, _ = rand.Read(r.Data[at+2:][:spec.PointLength])
				}
			}},
	} {
		assert.Error(t, run(l), what)
	}
}

func TestReadableIsWhatHostsRead(t *testing.T) {
	request := &message.Request{Payee: "SENORDIC00000001", Number: 1, Amount: 100,
		Payer: "SENORDIC00000002"}
	good, err := message.Encode(request)
	require.NoError(t, err)
	odd := bytes.Replace(good, []byte("00000002"), []byte("0000000*"), 1)
	payment, err := message.Encode(&message.Payment{Payer: "SENORDIC00000002", ATC: 1,
		Request: *request})
	require.NoError(t, err)
	unnumbered := bytes.Replace(payment, []byte{0x9F, 0x36, 4, 0, 0, 0, 1},
		[]byte{0x9F, 0x36, 4, 0, 0, 0, 0}, 1)
	log, open := spec.ReadRecord.Variants[0], spec.ReadRecord.Variants[1]
	for name, row := range map[string]struct {
		variant spec.Variant
		data    []byte
		reads   bool
	}{
		"a Request":                     {spec.RequestPayment.Only(), good, true},
		"a Request of an open one":      {open, good, true},
		"a Request that names no id":    {spec.RequestPayment.Only(), odd, false},
		"the same, open":                {open, odd, false},
		"a record":                      {log, payment, true},
		"a record without a number":     {log, unnumbered, false},
		"a Payment in place of a State": {spec.GetState.Only(), payment, false},
		"no message at all":             {spec.GetChallenge.Only(), []byte{1}, true},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, row.reads,
				readable(row.variant.APDU(), apdu.Response{Data: row.data, SW: apdu.OK}) == nil)
		})
	}
}
