package issue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/apdu"
	"ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/personalization"
)

// manager is a card whose security domain is open.
type manager struct {
	card   apdu.Card
	where  string
	line   personalization.Line
	client *globalplatform.Client
	asJSON bool
}

// answer prints one line for a person, or a value for a script.
func (m *manager) answer(
	c *cobra.Command, value any, format string, arguments ...any,
) error {
	return cli.Answer(c, m.asJSON, value, format, arguments...)
}

// managing makes a command that opens the card's security domain.
func managing(c *cobra.Command, do func(c *cobra.Command, m *manager) error) *cobra.Command {
	cards, keys, asJSON := &cli.CardFlags{}, &cardKeyFlags{}, false
	c.Args = cli.Exactly(0, "no arguments")
	c.RunE = func(c *cobra.Command, _ []string) error {
		initial, final, err := keys.sources(c)
		if err != nil {
			return err
		}
		talk := newConversation(c, cards)
		return cli.WithCard(c, cards, func(opened *cli.OpenCard) error {
			opened.OnReset(talk.reset)
			m := &manager{
				card: talk.Wire(opened), where: opened.Where, asJSON: asJSON,
				line: personalization.Line{Keys: initial, Final: final, Watch: talk.Channel},
			}
			if err := m.open(c.Context()); err != nil {
				return err
			}
			return do(c, m)
		})
	}
	cards.Add(c)
	keys.add(c)
	cli.JSONFlag(c, &asJSON)
	return c
}

func (m *manager) open(ctx context.Context) (err error) {
	m.client, err = m.line.Open(ctx, m.card)
	return err
}

// content is what is on a card, for a script.
type content struct {
	Domain       entry         `json:"card_manager"`
	Applications []entry       `json:"applications"`
	LoadFiles    []entry       `json:"load_files"`
	Keys         []gpc.KeyInfo `json:"keys"`
	Level        string        `json:"level"`
}

type entry struct {
	AID       gpc.Hex   `json:"aid"`
	LifeCycle string    `json:"life_cycle"`
	Version   string    `json:"version,omitempty"`
	LoadFile  gpc.Hex   `json:"load_file,omitempty"`
	Modules   []gpc.Hex `json:"modules,omitempty"`
}

func entriesOf(from []gpc.Entry, name func(gpc.LifeCycle) string) []entry {
	all := []entry{}
	for _, e := range from {
		one := entry{AID: e.AID, LifeCycle: name(e.LifeCycle), LoadFile: e.LoadFile}
		if len(e.Version) == 2 {
			one.Version = fmt.Sprintf("%d.%d", e.Version[0], e.Version[1])
		}
		for _, m := range e.Modules {
			one.Modules = append(one.Modules, m)
		}
		all = append(all, one)
	}
	return all
}

func contentCommand() *cobra.Command {
	return managing(&cobra.Command{
		Use:     "content",
		Short:   "List what is on a card: applications, load files, keys, life cycle",
		Example: `  ekrona issue content --keys test`,
	}, func(c *cobra.Command, m *manager) error {
		contents, err := m.client.List(c.Context())
		if err != nil {
			return err
		}
		keys, err := globalplatform.Keys(c.Context(), m.client.Card())
		if err != nil {
			return err
		}
		out := content{
			Domain:       entriesOf([]gpc.Entry{contents.Domain}, gpc.CardState)[0],
			Applications: entriesOf(contents.Applications, gpc.ApplicationState),
			LoadFiles: entriesOf(contents.LoadFiles,
				func(gpc.LifeCycle) string { return "LOADED" }),
			Keys: keys, Level: m.client.Level().String(),
		}
		return m.answer(c, out, "%s", strings.TrimSuffix(out.page(m.where), "\n"))
	})
}

func (o content) page(where string) string {
	page := &strings.Builder{}
	fmt.Fprintf(page, "Card in %s, opened with %s\n\n", where, o.Level)
	fmt.Fprintf(page, "card manager  %-34v %s\n", o.Domain.AID, o.Domain.LifeCycle)
	for _, a := range o.Applications {
		fmt.Fprintf(page, "application   %-34v %s, of %v\n", a.AID, a.LifeCycle, a.LoadFile)
	}
	for _, f := range o.LoadFiles {
		fmt.Fprintf(page, "load file     %-34v %s", f.AID, f.Version)
		for _, m := range f.Modules {
			fmt.Fprintf(page, ", module %v", m)
		}
		page.WriteByte('\n')
	}
	for _, k := range o.Keys {
		fmt.Fprintf(page, "key           version %02X number %d                %s\n", k.Version,
			k.ID, gpc.KeyTypeName(k.Type, k.Length))
	}
	return page.String()
}

func deleteCommand() *cobra.Command {
	deleteApplet, active, version := false, false, ""
	c := managing(&cobra.Command{
		Use:   "delete",
		Short: "Delete the applet or a key set from a card, for good",
		Long: `Delete the applet or a key set from a card, for good. Each needs its own flag.

The money on an active card is deleted with its applet: it comes back to its owner only
if the card is reported lost. A device id is never used again: a card whose applet was
deleted needs a new order.`,
		Example: `  ekrona issue delete --delete-applet --keys test
  ekrona issue delete --key-version FF --new-keys master.key`,
	}, func(c *cobra.Command, m *manager) error {
		switch {
		case deleteApplet == (version != ""):
			return cli.Usage("%s deletes for good: choose one: --delete-applet or --key-version "+
				"NN", c.CommandPath())
		case deleteApplet:
			return deleteTheApplet(c, m, active)
		}
		n, err := strconv.ParseUint(version, 16, 8)
		if err != nil {
			return cli.Usage("--key-version: %q is no version, 01 to FF in hex", version)
		}
		if byte(n) == m.client.KeyVersion() {
			return fmt.Errorf("key set %02X is the one in use: open the card with another to "+
				"delete it", n)
		}
		if err := m.client.DeleteKeys(c.Context(), byte(n)); err != nil {
			return err
		}
		return m.answer(c, deletion{Deleted: true, KeyVersion: int(n)},
			"key set %02X is deleted", n)
	})
	c.Flags().BoolVar(&deleteApplet, "delete-applet", false,
		"delete the applet with its load file, for good")
	c.Flags().BoolVar(&active, "active", false,
		"delete the applet of an active card too, with all that it holds, for good")
	c.Flags().StringVar(&version, "key-version", "", "delete the key set of this version, in hex")
	return c
}

// deletion is what was deleted: the applet, or a key set.
type deletion struct {
	Deleted    bool `json:"deleted"` // false: it is not on the card
	KeyVersion int  `json:"key_version,omitempty"`
}

// deleteTheApplet deletes instance and load file. Whether the card is active is asked
// first, outside the channel, which is then opened again.
func deleteTheApplet(c *cobra.Command, m *manager, active bool) error {
	contents, err := m.client.List(c.Context())
	if err != nil {
		return err
	}
	there := false
	for _, f := range contents.LoadFiles {
		there = there || bytes.Equal(f.AID, []byte(spec.PackageAID))
	}
	if !there {
		return m.answer(c, deletion{}, "the applet is not on the card")
	}
	if err := mayGo(c.Context(), m.card, active); err != nil {
		return err
	}
	if err := m.open(c.Context()); err != nil {
		return err
	}
	if err := m.client.Delete(c.Context(), []byte(spec.PackageAID), true); err != nil {
		return err
	}
	return m.answer(c, deletion{Deleted: true}, "the applet and its load file are deleted")
}

// mayGo fails for an applet of a personalized card, unless active ones may be deleted too.
func mayGo(ctx context.Context, opened apdu.Card, active bool) error {
	application, err := client.New(opened).Select(ctx)
	switch {
	case errors.Is(err, apdu.SWFileNotFound):
		return nil
	case err != nil:
		return err
	case application.LifeCycle != spec.Installed && application.LifeCycle != spec.KeysMade &&
		!active:
		return fmt.Errorf("the card is %v, so it has an owner and may hold money: unload it "+
			"first, or add --active", application.LifeCycle)
	}
	return nil
}

func lockCommand() *cobra.Command {
	return statusCommand("lock",
		"Lock a card that is SECURED: no applet answers until it is unlocked", gpc.CardLocked,
		"the card is locked")
}

func unlockCommand() *cobra.Command {
	return statusCommand("unlock", "Unlock a locked card", gpc.Secured, "the card is unlocked")
}

// statusCommand moves the card's life cycle.
func statusCommand(use, short string, to gpc.LifeCycle, done string) *cobra.Command {
	return managing(&cobra.Command{Use: use, Short: short},
		func(c *cobra.Command, m *manager) error {
			if err := m.client.SetCardStatus(c.Context(), to); err != nil {
				return err
			}
			return m.answer(c, struct {
				LifeCycle string `json:"life_cycle"` // of the card
			}{gpc.CardState(to)}, "%s", done)
		})
}
