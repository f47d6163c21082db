package terminal

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"ekrona/apdu/message"
	"ekrona/host/cmd/ekrona/internal/crisis"
	"ekrona/host/cmd/ekrona/internal/parties"
	contract "ekrona/host/crisis"
	"ekrona/host/sandbox"
)

// crisisAnswer is the crisis order of a terminal, for a script.
type crisisAnswer struct {
	Device message.DeviceID `json:"device"`
	Taken  bool             `json:"taken"` // from the file of --take, now
	crisis.Held
}

func terminalCrisisCommand() *cobra.Command {
	f, carry := &parties.Flags{}, &crisis.Carry{}
	c := merchantCommand(f, "crisis MERCHANT",
		"Show the crisis order that counts at the terminal today; give it one, or take it from it",
		0, "a merchant",
		func(ctx context.Context, c *cobra.Command, _ *sandbox.Sandbox, m *sandbox.Merchant,
			_ []string) error {
			given, named, err := carry.Taken()
			if err != nil {
				return err
			}
			answer := crisisAnswer{Device: m.Terminal.ID()}
			if named {
				err := m.Terminal.TakeCrisis(ctx, given)
				if err != nil && !errors.Is(err, contract.ErrOld) {
					return err
				}
				answer.Taken = err == nil
			}
			carried, err := m.Terminal.CarriedCrisis(ctx)
			if err != nil {
				return err
			}
			if named && crisis.IsAnother(given, carried) {
				f.Warn(c, "--take: not taken: %w", contract.ErrOld)
			}
			if answer.Held, err = carry.Give(carried); err != nil {
				return err
			}
			return f.Answer(c, answer, "terminal %s of the %s: %s", m.Terminal.ID(), m.Name,
				answer.Held)
		})
	return carry.Bind(c)
}
