package settlementtest

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
)

// Step is how far a synchronisation comes before the phone loses its network.
type Step int

// The steps of a synchronisation, in order (protocol §5).
const (
	HandOver Step = iota // waiting Payments to the device: it accepts or refuses them
	Records              // its records to the notary
	State                // its State to the notary
	CoSigned             // an Instruction signed by intermediary and notary
	Applied              // by the device
	Whole                // its Confirmation at the notary
)

func (w *World) intermediaryOf(d *Device) *Intermediary {
	for _, i := range w.Intermediaries {
		if i.Name == d.ID.Name() {
			return i
		}
	}
	require.Fail(w.T, "no intermediary", d.ID)
	return nil
}

// Sync synchronises a device as its intermediary would, up to and with the step; credit is loaded
// by the Instruction, if the notary allows it. It returns the notary's report (of the steps from
// State on) and its refusal of the credit.
func (w *World) Sync(
	d *Device, until Step, credit money.Ore,
) (report notary.StateReport, creditRefused error) {
	ctx, link := context.Background(), w.Notary.For(d.ID.Name())
	w.handOver(d)
	if until == HandOver {
		return
	}
	for _, r := range d.Log {
		raw, err := r.Encode()
		require.NoError(w.T, err)
		w.Submit(raw)
	}
	if until == Records {
		return
	}
	challenge := w.Challenge(d)
	state, err := d.State(challenge)
	require.NoError(w.T, err)
	report, err = link.SubmitState(ctx, w.Encode(state))
	require.NoError(w.T, err)
	if until == State || report.Cloned {
		return
	}
	owed, err := link.Outstanding(ctx, d.ID)
	require.NoError(w.T, err)
	instruction := owed.Instruction
	if instruction == nil {
		instruction, creditRefused = w.instruct(d, owed, credit)
	}
	if until == CoSigned {
		return
	}
	i, err := message.Parse[message.Instruction](instruction)
	require.NoError(w.T, err)
	confirmation, err := d.Apply(i)
	if err != nil && w.IsDishonest(d) {
		return // its chain is not the notary's
	}
	require.NoError(w.T, err)
	if until == Applied {
		return
	}
	require.NoError(w.T, link.Confirm(ctx, w.Encode(confirmation)))
	return
}

// IsDishonest reports whether the device is copied, or its key stolen.
func (w *World) IsDishonest(d *Device) bool {
	for name := range w.Dishonest {
		if w.Devices[name].ID == d.ID {
			return true
		}
	}
	return false
}

// handOver gives the device the Payments that wait for its decision.
func (w *World) handOver(d *Device) {
	owed, err := w.Notary.For(d.ID.Name()).Outstanding(context.Background(), d.ID)
	require.NoError(w.T, err)
	for _, h := range owed.Handovers {
		p, err := message.Parse[message.Payment](h.Payment)
		require.NoError(w.T, err)
		if _, err := d.Accept(p); err != nil {
			// one that is no longer open was decided before, and has its record
			d.Refuse(p.Request.Number)
		}
	}
}

// Challenge opens and signs one for a new session of the device.
func (w *World) Challenge(d *Device) *message.Challenge {
	i := w.intermediaryOf(d)
	w.challenges++
	c := &message.Challenge{InstructionKey: i.Instructs, Device: d.ID}
	binary.BigEndian.PutUint64(c.Nonce[:], w.challenges)
	w.Draws(w.challenges)
	opened, err := w.Notary.For(i.Name).OpenChallenge(context.Background(),
		notary.Opening{InstructionKey: c.InstructionKey, Device: c.Device, Nonce: c.Nonce})
	require.NoError(w.T, err)
	c.Random = opened.Random
	require.NoError(w.T, message.Sign(c, i.instructionKey))
	return c
}

// Draws sets what the notary draws from now on: the same number, also when it has to draw again.
func (w *World) Draws(number uint64) { w.drawn = number }

// Read implements io.Reader: the notary's source of random numbers.
func (w *World) Read(into []byte) (int, error) {
	clear(into)
	binary.BigEndian.PutUint64(into, w.drawn)
	return len(into), nil
}

// Instruction returns the next one for the device, signed by its intermediary.
func (w *World) Instruction(
	d *Device, owed notary.Outstanding, credit money.Ore,
) *message.Instruction {
	by := w.intermediaryOf(d)
	i := &message.Instruction{InstructionKey: by.Instructs, Notary: w.notary, Device: d.ID,
		Sequence: owed.NextSeq,
		AckedATC: owed.HeldATC, Head: owed.HeldHead, Credit: credit, Policy: d.Policy,
		Date:        message.DateOf(w.Clock.At),
		OrderNumber: owed.LowestOrder, Group: owed.Group}
	if owed.Status != notary.Active {
		i.Actions = spec.ActionBlock
	}
	w.SignInstruction(i, by)
	return i
}

// SignInstruction signs as the intermediary.
func (w *World) SignInstruction(i *message.Instruction, by *Intermediary) {
	require.NoError(w.T, message.SignAs(i, message.ByIntermediary, by.instructionKey))
}

// instruct has the next Instruction co-signed, without the credit when the notary refuses that.
func (w *World) instruct(
	d *Device, owed notary.Outstanding, credit money.Ore,
) (signed []byte, refused error) {
	for {
		w.orders++
		i := w.Instruction(d, owed, credit)
		signed, err := w.Notary.For(d.ID.Name()).CoSign(context.Background(),
			notary.OrderKey(fmt.Sprintf("order %d", w.orders)), w.Encode(i))
		if err == nil {
			return signed, refused
		}
		require.NotZero(w.T, credit, err)
		refused, credit = err, 0
	}
}
