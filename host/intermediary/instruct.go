package intermediary

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
	"ekrona.example/host/session"
)

// deviceSituation is what is known of a device when its next Instruction is made.
type deviceSituation struct {
	device      storedDevice
	state       *message.State
	report      notary.StateReport
	outstanding notary.Outstanding
	loads       bool // it has load orders that may still change
}

// instruct makes the Instruction that is due, has the notary sign it and puts it into the answer. A
// load that the device cannot take is refused, its money is returned, and the Instruction is made
// without it.
func (i *Intermediary) instruct(
	ctx context.Context, s deviceSituation, answer *session.Answer,
) error {
	for {
		instruction, due := i.duties(s)
		var load pendingLoad
		wanted := false
		var err error
		if s.loads {
			if load, wanted, err = nextLoad(ctx, i.db, s.device.ID); err != nil {
				return err
			}
		}
		order := fmt.Sprintf("%s/%d", s.device.ID, instruction.Sequence)
		if wanted {
			most, err := s.mostBalance(instruction)
			if err != nil {
				return err
			}
			if reason := s.refusalOf(most, load.amount); reason != "" {
				answer.Refused = reason
				if err := i.refuseLoad(ctx, load, reason); err != nil {
					return err
				}
				continue
			}
			instruction.Credit = load.amount
			order, due = load.id, true
		}
		if !due {
			return nil
		}
		answer.Instruction, err = i.coSign(ctx, order, instruction)
		switch {
		case wanted && stopsCredit(err):
			answer.Refused = err.Error()
			if err := i.refuseLoad(ctx, load, err.Error()); err != nil {
				return err
			}
			continue
		case errors.Is(err, notary.Taken):
			// Another session of the same device was faster: its body stands.
			return i.adoptOutstanding(ctx, s.device.ID, err, answer)
		}
		return err
	}
}

// duties returns the next Instruction without a credit, and whether it is due.
func (i *Intermediary) duties(s deviceSituation) (*message.Instruction, bool) {
	policy := s.device.Policy
	if policy.Version < s.state.PolicyVersion {
		// The policy was lost with a restored backup: the same version changes nothing.
		policy.Version = s.state.PolicyVersion
	}
	instruction := &message.Instruction{
		InstructionKey: i.instructionKey.authority(),
		Notary:         i.notaryKey.authority(),
		Device:         s.device.ID,
		Sequence:       s.outstanding.NextSeq,
		AckedATC:       s.report.HeldATC,
		Head:           s.report.HeldHead,
		Policy:         policy,
		Date:           i.date(s.state.Date),
		Actions:        s.actions(),
		OrderNumber:    s.outstanding.LowestOrder,
		Group:          s.outstanding.Group,
	}
	due := instruction.AckedATC > s.state.AckedATC || policy.Version > s.state.PolicyVersion ||
		instruction.Actions != 0 || s.state.Date.Before(instruction.Date) || s.crisisIsDue()
	return instruction, due
}

// crisisIsDue reports whether the device shows a crisis order that no longer counts, or takes none
// of a number that has come to count, or belongs to another group than it was told.
func (s deviceSituation) crisisIsDue() bool {
	held, lowest := s.state.OrderHeld != message.Hash{}, s.outstanding.LowestOrder
	return held && s.state.OrderNumber < lowest || !held && s.state.OrderNumber+1 != lowest ||
		s.outstanding.Group != s.outstanding.LastGroup
}

// actions returns the action bits that bring the device to the wanted state.
func (s deviceSituation) actions() message.Actions {
	var actions message.Actions
	shallBlock := s.device.blockWanted || s.outstanding.Status != notary.Active
	switch isBlocked := s.state.LifeCycle == spec.Blocked; {
	case s.state.LifeCycle == spec.Closed:
	case shallBlock && !isBlocked:
		actions |= spec.ActionBlock
	case !shallBlock && isBlocked:
		actions |= spec.ActionUnblock
	}
	if s.device.resetIn == s.outstanding.NextSeq {
		actions |= spec.ActionResetTries
	}
	isReported := s.outstanding.Status != notary.Active && actions.Has(spec.ActionBlock) &&
		s.device.role == spec.RoleCard
	if s.device.unpairIn == s.outstanding.NextSeq || isReported {
		actions |= spec.ActionUnpair
	}
	return actions
}

// mostBalance returns what the device may hold after an Instruction, as the device finds it: by the
// policy, raised by the crisis order that it holds and keeps, on the Instruction's date.
func (s deviceSituation) mostBalance(i *message.Instruction) (money.Ore, error) {
	most := i.Policy.MaxBalance
	if s.state.OrderHeld == (message.Hash{}) || s.outstanding.Crisis.Order == nil ||
		s.device.Ceilings == nil {
		return most, nil
	}
	order, err := message.Parse[message.CrisisOrder](s.outstanding.Crisis.Order)
	if err != nil {
		return 0, fmt.Errorf("intermediary: crisis order of the notary: %w", err)
	}
	identity, err := message.Identity(order)
	if err != nil {
		return 0, fmt.Errorf("intermediary: crisis order of the notary: %w", err)
	}
	ceilings, err := message.ParsePolicy(s.device.Ceilings)
	if err != nil {
		return 0, fmt.Errorf("intermediary: ceilings of %s: %w", s.device.ID, err)
	}
	row, fits := order.Row(s.device.ID.Name(), i.Group)
	if identity != s.state.OrderHeld || order.Number < i.OrderNumber || !fits ||
		!order.CountsOn(i.Date) {
		return most, nil
	}
	return row.Raise(i.Policy, ceilings).MaxBalance, nil
}

// refusalOf returns why the device cannot take a credit of this amount, or "" if it can. A device
// that reports false open requests only harms itself: the card checks again, and its Confirmation
// reports the outcome.
func (s deviceSituation) refusalOf(most, amount money.Ore) string {
	switch {
	case s.outstanding.Status != notary.Active || s.device.blockWanted ||
		s.state.LifeCycle != spec.Active:
		return "the device is reported, ended or blocked: load another one"
	case !s.report.Complete:
		return "the notary does not hold all records of the device yet: synchronise again later, " +
			"then order the load again"
	case s.report.Difference != 0:
		return fmt.Sprintf("the device's balance differs by %s from its records: have it looked "+
			"into before it is loaded", s.report.Difference)
	}
	held := s.state.Balance
	for _, open := range s.state.OpenRequests {
		held += open.Amount
	}
	if room := most - held; amount > room {
		return fmt.Sprintf("%s do not fit: the device may hold %s and holds or expects %s: load "+
			"at most %s",
			amount, most, held, max(room, 0))
	}
	return ""
}

// coSign signs an Instruction and has the notary put its signature in the place
// that is still zero.
func (i *Intermediary) coSign(
	ctx context.Context, order string, instruction *message.Instruction,
) ([]byte, error) {
	signed, err := envelope.Sign(instruction, i.instructionKey.signer)
	if err != nil {
		return nil, fmt.Errorf("intermediary: Instruction for %s: %w", instruction.Device, err)
	}
	return i.notary.CoSign(ctx, notary.OrderKey(order), signed)
}

// firstUnapplied returns the number of the first Instruction that a device is not known to
// have applied: the outstanding one, or the next.
func firstUnapplied(device message.DeviceID, o notary.Outstanding) (uint32, error) {
	if o.Instruction == nil {
		return o.NextSeq, nil
	}
	waiting, err := message.Parse[message.Instruction](o.Instruction)
	if err != nil {
		return 0, fmt.Errorf("intermediary: the notary's Instruction for %s: %w", device, err)
	}
	return waiting.Sequence, nil
}

// stopsCredit reports whether the notary refused an Instruction for its credit.
func stopsCredit(err error) bool {
	return errors.Is(err, notary.Funds) || errors.Is(err, notary.Difference) ||
		errors.Is(err, notary.WrongStatus)
}

func (i *Intermediary) adoptOutstanding(
	ctx context.Context, device message.DeviceID, refused error, answer *session.Answer,
) error {
	outstanding, err := i.notary.Outstanding(ctx, device)
	if err != nil {
		return err
	}
	if outstanding.Instruction == nil {
		return refused
	}
	answer.Instruction = outstanding.Instruction
	return nil
}
