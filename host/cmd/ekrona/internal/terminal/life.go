package terminal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/limit"
	"ekrona.example/host/progress"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/terminal"
)

// showAnswer is what a terminal may still take, for a script.
type showAnswer struct {
	Device message.DeviceID `json:"device"`
	terminal.Room
	// Stopped is why it sells nothing more, for a developer and for the cashier.
	Stopped  string       `json:"stopped_en,omitempty"`
	Cashier  string       `json:"stopped_sv,omitempty"`
	Warnings []limit.Near `json:"warnings"`
	parties.Notices
}

func terminalShowCommand() *cobra.Command {
	f := &parties.Flags{}
	return merchantCommand(f, "show MERCHANT",
		"Show what the terminal may still take until it synchronises, and its open sales", 0,
		"a merchant",
		func(ctx context.Context, c *cobra.Command, _ *sandbox.Sandbox, m *sandbox.Merchant,
			_ []string) error {
			stopped, err := m.Terminal.Stopped(ctx)
			warnRestored(f, c, m)
			if err != nil {
				return err
			}
			room, err := m.Terminal.Room(ctx)
			if err != nil {
				return err
			}
			if stopped != nil { // nothing of it is left
				room.Receipts, room.Sum, room.MaxPayment, room.Crisis = 0, 0, 0, nil
			}
			answer := showAnswer{Device: m.Terminal.ID(), Room: room}
			near := room.Warnings()
			if stopped != nil {
				near = nil
			}
			answer.Warnings = append([]limit.Near{}, near...)
			text := fmt.Sprintf("terminal %s of the %s: %d of %d receipts and %s of %s left until "+
				"it synchronises; at most %s a payment; %d open sale(s), %d of them torn",
				m.Terminal.ID(), m.Name, room.Receipts, room.MostReceipts, room.Sum, room.MostSum,
				room.MaxPayment, room.Open, room.Torn)
			if room.Crisis != nil {
				says := "these are the limits of crisis order %d, until %s"
				if room.Crisis.None {
					says = "its ordinary limits count: crisis order %d, until %s, has none for it"
				}
				text += fmt.Sprintf("\n"+says, room.Crisis.Number, room.Crisis.Until)
			}
			for _, n := range near {
				text += "\nwarning: " + n.English() + "\nthe cashier reads: " + n.Swedish()
			}
			if stopped != nil {
				answer.Stopped = strings.TrimPrefix(stopped.Error(), "terminal: ")
				answer.Cashier = parties.Swedish(stopped)
				text = fmt.Sprintf("terminal %s of the %s sells nothing more: %s\nthe cashier "+
					"reads: %s", m.Terminal.ID(), m.Name, answer.Stopped, answer.Cashier)
			}
			answer.Notices = f.Notices()
			return f.Answer(c, answer, "%s", text)
		})
}

// warn says before the tap which limits of the terminal are near.
func warn(ctx context.Context, f *parties.Flags, c *cobra.Command, m *sandbox.Merchant) error {
	room, err := m.Terminal.Room(ctx)
	if err != nil {
		return err
	}
	for _, near := range room.Warnings() {
		f.Notice(c, errors.New(near.English()), near.Swedish())
	}
	return nil
}

// warnRestored says that the journal was an older copy and is up to date again.
func warnRestored(f *parties.Flags, c *cobra.Command, m *sandbox.Merchant) {
	if lacked := m.Terminal.Restored(); lacked != (terminal.Restored{}) {
		f.Notice(c, fmt.Errorf("the journal of terminal %s was an older copy: it lacked %d "+
			"record(s) and %d Instruction(s), which the notary holds, and goes on after them; %d "+
			"sale(s) that were open in the copy are no longer", m.Terminal.ID(), lacked.Records,
			lacked.Instructions, lacked.Sales), "Terminalens uppgifter var från en äldre kopia "+
			"och är nu aktuella. Köp som var öppna i kopian är det inte längre.")
	}
}

func terminalSyncCommand() *cobra.Command {
	f, device := &parties.Flags{}, ""
	c := &cobra.Command{
		Use:   "sync MERCHANT",
		Short: "Synchronise the terminal with its intermediary",
		Args:  cli.Exactly(1, "a merchant"),
		RunE: func(c *cobra.Command, arguments []string) error {
			return f.Run(c, func(ctx context.Context, s *sandbox.Sandbox) error {
				m, err := s.MerchantTerminal(ctx, arguments[0], message.DeviceID(device))
				if err != nil {
					return err
				}
				if !f.AsJSON {
					m.Terminal.Show(func(e progress.Event) {
						fmt.Fprintf(c.ErrOrStderr(), "%d of %d %s\n", e.Count.Done, e.Count.Total,
							e.Text)
					})
				}
				result, err := m.Terminal.Synchronise(ctx)
				warnRestored(f, c, m)
				if err != nil {
					return err
				}
				return f.Synchronised(c, "the "+m.Name, result)
			})
		},
	}
	c.Flags().StringVar(&device, "device", "",
		"device id, to name one of the merchant's terminals that was replaced")
	return f.BindCaller(c)
}

// endedAnswer is a terminal that sells nothing more, for a script.
type endedAnswer struct {
	sandbox.EndedTerminal
	Missing string           `json:"missing,omitempty"`
	New     message.DeviceID `json:"new_device,omitempty"`
	parties.Notices
}

func endedText(name string, e sandbox.EndedTerminal) string {
	text := fmt.Sprintf("terminal %s sells nothing more; %d record(s) handed over", e.Device,
		e.Records)
	if e.Ended {
		return text + "; it has ended"
	}
	return fmt.Sprintf("%s; claims on it are honoured until %s, then \"ekrona terminal end %s "+
		"--device %s\" ends it", text, e.Until.Format(time.RFC3339), name, e.Device)
}

func answerEnded(
	f *parties.Flags, c *cobra.Command, e sandbox.EndedTerminal, id message.DeviceID, text string,
) error {
	answer := endedAnswer{EndedTerminal: e, New: id}
	if e.Missing != nil {
		answer.Missing = e.Missing.Error()
		f.Notice(c, fmt.Errorf("the journal of terminal %s was not handed over; when it is back, "+
			"\"ekrona terminal end MERCHANT --device %s\" does so: %w", e.Device, e.Device,
			e.Missing), "Den gamla terminalens köp är inte överförda. Avsluta den när den är "+
			"tillbaka, så kommer pengarna.")
		answer.Notices = f.Notices()
	}
	return f.Answer(c, answer, "%s", text)
}

// lifeCommand makes a command about a merchant whose terminal need not start.
func lifeCommand(f *parties.Flags, use, short string,
	do func(ctx context.Context, c *cobra.Command, s *sandbox.Sandbox, name string) error,
) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: cli.Exactly(1, "a merchant"),
		RunE: func(c *cobra.Command, arguments []string) error {
			return f.Run(c, func(ctx context.Context, s *sandbox.Sandbox) error {
				return do(ctx, c, s, arguments[0])
			})
		},
	}
	return f.BindRead(c)
}

func terminalIssueCommand() *cobra.Command {
	f, bankName := &parties.Flags{}, ""
	c := lifeCommand(f, "issue MERCHANT",
		"Give a merchant a terminal, and an online wallet at a bank",
		func(ctx context.Context, c *cobra.Command, s *sandbox.Sandbox, name string) error {
			if bankName == "" {
				return cli.Usage("name the merchant's bank: --bank NAME, such as SENORDIC")
			}
			b, err := s.Bank(ctx, bankName)
			if err != nil {
				return err
			}
			id, err := s.IssueTerminal(ctx, b, name)
			if err != nil {
				return err
			}
			m, err := s.Merchant(ctx, name)
			if err != nil {
				return err
			}
			if stopped, err := m.Terminal.Stopped(ctx); err != nil || stopped != nil {
				return errors.Join(err, stopped)
			}
			return f.Answer(c, map[string]any{"device": id}, "the %s has terminal %s", name, id)
		})
	c.Flags().StringVar(&bankName, "bank", "", "name of the merchant's bank (needed)")
	c.Long = `Give a merchant a terminal, and an online wallet at a bank.

The bank reserves the terminal's device id, its CA certifies the key that the terminal has made,
and it registers terminal and owner. A command that was cut off goes on when it is repeated; a
terminal that is there stays.`
	return c
}

func terminalNewKeyCommand() *cobra.Command {
	f := &parties.Flags{}
	c := lifeCommand(f, "new-key MERCHANT",
		"Replace the key of a merchant's online wallet: the former one is refused from then on",
		func(ctx context.Context, c *cobra.Command, s *sandbox.Sandbox, name string) error {
			if err := s.ChangeMerchantKey(ctx, name); err != nil {
				return err
			}
			return f.Answer(c, map[string]any{"merchant": name},
				"the %s has a new key: what the former one signs is refused from now on", name)
		})
	c.Long = `Replace the key with which a merchant orders refunds from the online wallet, because it
is lost or somebody else may have it. The bank registers the new key in place of the former
one, whose orders it refuses from then on; orders that were placed stand. The terminal goes
on selling with its own key and journal: "ekrona terminal replace" is for that one. A command
that was cut off goes on when it is repeated; given again after that, it makes another key.`
	return c
}

func terminalReplaceCommand() *cobra.Command {
	f, device := &parties.Flags{}, ""
	c := lifeCommand(f, "replace MERCHANT",
		"Give a merchant another terminal in place of a lost, broken or set back one",
		func(ctx context.Context, c *cobra.Command, s *sandbox.Sandbox, name string) error {
			former, id, err := s.ReplaceTerminal(ctx, name, message.DeviceID(device))
			if err != nil {
				return err
			}
			return answerEnded(f, c, former, id,
				fmt.Sprintf("the %s has terminal %s; %s", name, id, endedText(name, former)))
		})
	c.Flags().StringVar(&device, "device", "",
		"device id of the terminal to be replaced; that in use where it is left out")
	c.Long = `Give a merchant another terminal in place of one that is lost, broken or set back.

What the former one had taken goes to the merchant's online wallet: its journal is handed over, now
or, when it is found later, by "ekrona terminal end MERCHANT --device ID". A command that was cut
off goes on when it is repeated; with --device it may be repeated at any time.`
	return c
}

func terminalEndCommand() *cobra.Command {
	f, device := &parties.Flags{}, ""
	c := lifeCommand(f, "end MERCHANT",
		"End a terminal: it hands over its journal and sells no more",
		func(ctx context.Context, c *cobra.Command, s *sandbox.Sandbox, name string) error {
			ended, err := s.EndTerminal(ctx, name, message.DeviceID(device))
			if err != nil {
				return err
			}
			return answerEnded(f, c, ended, "", endedText(name, ended))
		})
	c.Flags().StringVar(&device, "device", "",
		"device id of one of the merchant's terminals; that in use where it is left out")
	c.Long = `End a terminal, which cannot be undone: it hands over its journal, is blocked and put on the
revocation list. Claims on it are honoured for some time; repeated after that, the command ends it.
What comes to it later goes to the merchant's online wallet.`
	return c
}
