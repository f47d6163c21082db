package card_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
	"ekrona.example/emulator/vm"
)

// event is a kind of event of a probe, at which a fault can strike.
type event int

const (
	instructions event = iota
	calls
	reads
	writes
	events
)

// fault strikes at the n-th event of its kind in a command, from 1; 0 for none.
type fault struct {
	at     event
	n      int
	action vm.Action
}

// faulty is a card into which faults can be injected.
type faulty struct {
	bench
	fault fault
	seen  [events]int // of the command
}

// endless is how many instructions a command that a fault made loop may run.
const endless = 50_000

func (f *faulty) see(at event) vm.Action {
	f.seen[at]++
	switch {
	case at == instructions && f.seen[at] > endless:
		return vm.Action{Kind: vm.Cut}
	case f.fault.at == at && f.fault.n == f.seen[at]:
		return f.fault.action
	}
	return vm.Action{}
}

func (f *faulty) probe() vm.Probe {
	return vm.Probe{
		Instruction: func(at vm.Site) vm.Action {
			action := f.see(instructions)
			i := at.Instruction()
			misfit := action.Kind == vm.Invert && !i.IsConditional() ||
				action.Kind == vm.Replace && strings.HasPrefix(i.Mnemonic, "invoke")
			if misfit {
				return vm.Action{}
			}
			return action
		},
		Call:  func(*vm.Invocation) vm.Action { return f.see(calls) },
		Read:  func(a *vm.Access) vm.Action { return f.within(a, reads) },
		Write: func(a *vm.Access) vm.Action { return f.within(a, writes) },
	}
}

// within has a fault strike an element that the access has.
func (f *faulty) within(a *vm.Access, at event) vm.Action {
	action := f.see(at)
	if action.Kind == vm.Replace {
		if a.Length == 0 {
			return vm.Action{}
		}
		action.Index = f.fault.n % a.Length
	}
	return action
}

// models are the faults that are injected.
var models = []fault{
	{at: instructions, action: vm.Action{Kind: vm.Skip}},
	{at: instructions, action: vm.Action{Kind: vm.Replace}},
	{at: instructions, action: vm.Action{Kind: vm.Replace, Value: -1}},
	{at: instructions, action: vm.Action{Kind: vm.Invert}},
	{at: calls, action: vm.Action{Kind: vm.Skip}},
	{at: calls, action: vm.Action{Kind: vm.Replace, Value: 0x5A}},
	{at: calls, action: vm.Action{Kind: vm.Replace, Value: -1}},
	{at: reads, action: vm.Action{Kind: vm.Replace}},
	{at: reads, action: vm.Action{Kind: vm.Replace, Value: -1}},
	{at: writes, action: vm.Action{Kind: vm.Skip}},
	{at: writes, action: vm.Action{Kind: vm.Replace, Value: -1}},
}

// Whatever one fault makes of a command, the card answers, loses power or goes mute: our own
// code never breaks, and the card can be set back and does what it did.
func TestFaultsNeverBreakTheMachine(t *testing.T) {
	for name, c := range map[string][]byte{
		"sort":        command(insSort, 0, 0, 5, 3, 9, 1),
		"switch":      command(insSwitch, 0, 3),
		"int":         command(insInt, 0, 0, 0, 0, 1, 2, 0, 0, 0, 3),
		"types":       command(insTypes, 0, 0),
		"statics":     command(insChangeStatics, 2, 0),
		"transaction": command(insTransact, 0, 0x35),
		"abort":       command(insTransact, 1, 0x35),
		"PIN":         command(insPIN, 0, 0, 1, 2, 3, 4),
		"key pair":    command(insCrypto, 5, 0),
		"signature":   command(insCrypto, 7, 0, 1, 2, 3),
		"objects":     command(insRing, 0, 0),
		"garbage":     command(insGarbage, 0, 0),
	} {
		t.Run(name, func(t *testing.T) { injectAll(t, c) })
	}
}

func injectAll(t *testing.T, c []byte) {
	f := &faulty{}
	made, err := card.New(card.Options{
		Profile: card.P71, Random: card.SeededRandom(t.Name()), Probe: f.probe(),
	})
	require.NoError(t, err)
	f.bench = bench{made, t}
	f.load("lib", "core")
	_, err = f.Install(coreModule, coreInstance, nil)
	require.NoError(t, err)
	f.selectApplet(coreInstance)
	f.exchange(command(insCrypto, 5, 0)) // a key pair
	snapshot, err := f.Snapshot()
	require.NoError(t, err)
	run := func(one fault) ([]byte, error) {
		require.NoError(t, f.RestoreSnapshot(snapshot))
		f.fault, f.seen = one, [events]int{}
		return f.TransmitBytes(c)
	}
	want, err := run(fault{})
	require.NoError(t, err)
	total := f.seen

	injected, effects := 0, 0
	for _, one := range models {
		step := 1 + total[one.at]/200
		for one.n = 1; one.n <= total[one.at]; one.n += step {
			got, err := run(one)
			injected++
			if err != nil {
				stopped := errors.Is(err, card.ErrMute) || errors.Is(err, card.ErrPowerLost)
				require.True(t, stopped, "%+v: %v", one, err)
			}
			if err != nil || string(got) != string(want) {
				effects++
			}
		}
	}
	assert.Positive(t, effects)
	again, err := run(fault{})
	require.NoError(t, err)
	assert.Equal(t, want, again)
	t.Logf("%d faults injected, %d of them with another answer", injected, effects)
}
