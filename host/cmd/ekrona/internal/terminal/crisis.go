package terminal

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/host/cmd/ekrona/internal/crisis"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/sandbox"
)

// crisisAnswer is the crisis order of a terminal, for a script.
type crisisAnswer struct {
	Device         message.DeviceID `json:"device"`
	crisis.Outcome                  // of the file of --take or the card of --card, now
	crisis.Held
	// Waiting is an order that the terminal has and that has not begun.
	Waiting *crisis.OrderAnswer `json:"waiting,omitempty"`
}

// String is what the terminal has, for a person.
func (a crisisAnswer) String() string {
	if a.Waiting == nil {
		return a.Held.String()
	}
	return fmt.Sprintf("no crisis order counts yet; it has this one, from %s on: %s",
		a.Waiting.From, a.Waiting)
}

func terminalCrisisCommand() *cobra.Command {
	f, carry, whose := &parties.Flags{}, &crisis.Carry{}, ""
	c := merchantCommand(f, "crisis MERCHANT",
		"Show the crisis order that counts at the terminal today; give it one, or take it from it",
		0, "a merchant",
		func(ctx context.Context, c *cobra.Command, s *sandbox.Sandbox, m *sandbox.Merchant,
			_ []string) error {
			given, named, err := carry.Taken()
			if err != nil {
				return err
			}
			answer := crisisAnswer{Device: m.Terminal.ID()}
			if named {
				answer.Outcome, err = crisis.OutcomeOf(m.Terminal.TakeCrisis(ctx, given))
				if err != nil {
					return err
				}
				answer.Say(c, f)
			}
			if whose != "" {
				learned, err := meet(ctx, s, m, whose)
				if err != nil {
					return err
				}
				answer.Taken = answer.Taken || learned
			}
			carried, err := m.Terminal.CarriedCrisis(ctx)
			if err != nil {
				return err
			}
			if answer.Held, err = carry.Give(carried); err != nil {
				return err
			}
			waiting, err := m.Terminal.WaitingCrisis(ctx)
			if err != nil {
				return err
			}
			if waiting != nil {
				order, err := crisis.OrderOf(waiting)
				if err != nil {
					return err
				}
				answer.Waiting = &order
			}
			return f.Answer(c, answer, "terminal %s of the %s: %s", m.Terminal.ID(), m.Name,
				answer)
		})
	c.Flags().StringVar(&whose, "card", "", "customer whose card is held to the terminal, without "+
		"a sale and without its PIN: the newer crisis order goes to the other")
	c.Long = `Show the crisis order that counts at the terminal today; give it one, or take it from it.

A terminal has it from its bank when it synchronises, from a file, which a phone writes too
("ekrona wallet crisis NAME --out FILE"), or from any card that is held to it: in a sale, also in
one for which it has no room without the order, or by itself with --card.`
	return carry.Bind(c)
}

// meet holds somebody's card to the terminal, and reports whether the terminal has another crisis
// order since.
func meet(
	ctx context.Context, s *sandbox.Sandbox, m *sandbox.Merchant, whose string,
) (learned bool, err error) {
	holder, err := s.Holder(whose)
	if err != nil {
		return false, err
	}
	if err := parties.AtHand(holder, ""); err != nil {
		return false, err
	}
	return m.Terminal.Meet(ctx, holder.Card.Tap())
}
