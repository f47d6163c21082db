package intermediary

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/notary"
	"ekrona.example/host/session"
)

// Position returns where the notary knows a terminal's journal to be. It implements
// banking.Terminal. Errors: [banking.ErrNoDevice], the notary's.
func (i *Intermediary) Position(
	ctx context.Context, id message.DeviceID, atc uint32,
) (notary.Position, error) {
	if _, err := device(ctx, i.db, id); err != nil {
		return notary.Position{}, err
	}
	return i.notary.Position(ctx, id, atc)
}

// Restore returns the Instruction that brings a terminal, whose journal was restored from an older
// copy, to all that the notary holds of it: the outstanding one, or a new one that acknowledges it.
// It implements banking.Terminal. A cut leaves the Instruction outstanding: the same call, or the
// next session, gets the same bytes. Errors: [banking.ErrNoDevice], the notary's.
func (i *Intermediary) Restore(
	ctx context.Context, id message.DeviceID,
) (banking.Restoration, error) {
	d, err := device(ctx, i.db, id)
	if err != nil {
		return banking.Restoration{}, err
	}
	if d.role != spec.RoleTerminal {
		return banking.Restoration{}, banking.Refuse(banking.ErrMalformed,
			"intermediary: device %s is no terminal: its journal cannot be restored", id)
	}
	outstanding, err := i.notary.Outstanding(ctx, id)
	if err != nil {
		return banking.Restoration{}, err
	}
	if outstanding.Instruction != nil {
		trust, err := i.trustIn(outstanding.Instruction)
		return banking.Restoration{Instruction: outstanding.Instruction, Trust: trust}, err
	}
	certificate, err := cvc.Parse(d.Certificate)
	if err != nil {
		return banking.Restoration{},
			fmt.Errorf("intermediary: device %s: certificate kept: %w", id, err)
	}
	instruction := &message.Instruction{
		InstructionKey: i.instructionKey.authority(), Notary: i.notaryKey.authority(), Device: id,
		Sequence: outstanding.NextSeq, AckedATC: outstanding.HeldATC, Head: outstanding.HeldHead,
		Policy: d.Policy, Date: i.date(certificate.Effective),
		OrderNumber: outstanding.LowestOrder, Group: outstanding.Group,
	}
	if d.blockWanted || outstanding.Status != notary.Active {
		instruction.Actions |= spec.ActionBlock
	}
	signed, err := i.coSign(ctx, fmt.Sprintf("%s/%d", id, instruction.Sequence), instruction)
	if errors.Is(err, notary.Taken) { // another session of the same device was faster
		answer := session.Answer{}
		err = i.adoptOutstanding(ctx, id, err, &answer)
		signed = answer.Instruction
	}
	if err != nil {
		return banking.Restoration{}, err
	}
	trust, err := i.trustIn(signed)
	return banking.Restoration{Instruction: signed, Trust: trust}, err
}
