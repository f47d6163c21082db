package card

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/pcsc"
)

// readerAnswer is a reader and what it holds.
type readerAnswer struct {
	Reader string `json:"reader"`
	State  string `json:"state"` // empty, card, mute card
	InUse  bool   `json:"in_use"`
	ATR    string `json:"atr,omitempty"`
}

// eventAnswer is something that happened to a reader.
type eventAnswer struct {
	Event  pcsc.EventKind `json:"event"`
	Reader string         `json:"reader"`
	ATR    string         `json:"atr,omitempty"`
}

func readersCommand() *cobra.Command {
	watch, asJSON := false, false
	c := &cobra.Command{
		Use:   "readers",
		Short: "List the PC/SC readers of this machine and what is in them",
		Long: `List the PC/SC readers of this machine and what is in them. With --watch, show
readers and cards as they come and go, until interrupted; as JSON, one object a line.`,
		Example: `  ekrona card readers
  ekrona card readers --watch --json`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			system, err := pcsc.Establish()
			if err != nil {
				return err
			}
			if watch {
				return watchReaders(c, system, asJSON)
			}
			return listReaders(c, system, asJSON)
		},
	}
	c.Flags().BoolVar(&watch, "watch", false, "go on and show every change")
	cli.JSONFlag(c, &asJSON)
	return c
}

func listReaders(c *cobra.Command, system *pcsc.System, asJSON bool) error {
	states, err := system.States()
	if err != nil {
		return err
	}
	answers := []readerAnswer{}
	for _, s := range states {
		answer := readerAnswer{Reader: s.Reader, State: "empty", InUse: s.InUse,
			ATR: fmt.Sprintf("%X", s.ATR)}
		switch {
		case s.Card && s.ATR == nil:
			answer.State = "mute card"
		case s.Card:
			answer.State = "card"
		}
		answers = append(answers, answer)
	}
	if asJSON {
		return cli.WriteJSON(c.OutOrStdout(), answers)
	}
	if len(answers) == 0 {
		_, err = fmt.Fprintln(c.OutOrStdout(), "no reader is plugged in")
		return err
	}
	for _, a := range answers {
		use := ""
		if a.InUse {
			use = "in use"
		}
		if _, err := fmt.Fprintf(c.OutOrStdout(), "%-40s  %-9s  %-6s  %s\n", a.Reader, a.State, use,
			a.ATR); err != nil {
			return err
		}
	}
	return nil
}

func watchReaders(c *cobra.Command, system *pcsc.System, asJSON bool) error {
	var failed error
	lines := json.NewEncoder(c.OutOrStdout())
	err := system.Watch(c.Context(), func(e pcsc.Event) {
		answer := eventAnswer{e.Kind, e.Reader, fmt.Sprintf("%X", e.ATR)}
		var err error
		if asJSON {
			err = lines.Encode(answer)
		} else {
			_, err = fmt.Fprintf(c.OutOrStdout(), "%-14s  %s  %s\n", answer.Event, answer.Reader,
				answer.ATR)
		}
		if failed == nil {
			failed = err
		}
	})
	if err == nil {
		err = failed
	}
	return err
}
