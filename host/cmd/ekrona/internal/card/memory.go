package card

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/card"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/durable"
	"ekrona.example/personalization/preflight"
)

func memoryCommand() *cobra.Command {
	var profile, file string
	asJSON := false
	var slots uint8
	c := &cobra.Command{
		Use:   "memory",
		Short: "Show what the applet takes of a card's memory, and the products that it fits on",
		Long: `Show what the applet takes of a card's memory by kind of object, and on which published
products it can be installed, with what is left.

A product is a profile of the virtual card: its free memory, and what its arrays and
cryptographic objects take, as JCAlgTest's results (crocs-muni/jcalgtest_results,
javacard/Profiles) have it; the source of each is named. The applet is loaded and installed on a
virtual card of each; nothing is sent to them.`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			on, err := cli.ProfileOf(profile)
			if err != nil {
				return err
			}
			content := applet.CAP
			if file != "" {
				if content, err = durable.Read(file); err != nil {
					return cli.FlagFile("--cap", err)
				}
				parsed, err := cap.Parse(content)
				if err != nil {
					return fmt.Errorf("--cap: %s: %w", file, err)
				}
				if !cli.IsEkrona(parsed) {
					return cli.Usage("--cap: %s is not the e-krona's applet; what another takes "+
						"of a card says \"memory\" in \"ekrona shell --cap %s\"", file, file)
				}
			}
			need, err := preflight.NeedOn(content, slots, on)
			if err != nil {
				return fmt.Errorf("the applet on %s: %w", on.Name, err)
			}
			var fits []preflight.Fit
			for _, p := range card.Profiles() {
				if p.RAMBytes == 0 {
					continue // no product
				}
				fit, err := preflight.FitOf(content, slots, p)
				if err != nil {
					return fmt.Errorf("the applet on %s: %w", p.Name, err)
				}
				fits = append(fits, fit)
			}
			if asJSON {
				return cli.WriteJSON(c.OutOrStdout(), memoryAnswer(on, need, fits))
			}
			return writeMemory(c.OutOrStdout(), on, need, fits)
		},
	}
	cli.AddProfile(c, &profile)
	c.Flags().Uint8Var(&slots, "slots", spec.DefaultSlots, fmt.Sprintf(
		"records that the card keeps until it is synchronised, %d to %d", spec.MinSlots,
		spec.MaxSlots))
	c.Flags().StringVar(&file, "cap", "", "the applet's load file; by default the one in this "+
		"program")
	c.Flags().BoolVar(&asJSON, "json", false, "answer as JSON")
	return c
}

// memoryProduct is a line of the table as a value for a script.
type memoryProduct struct {
	Profile    string `json:"profile"`
	Product    string `json:"product"`
	Source     string `json:"source"`
	Assumed    string `json:"assumed,omitempty"`
	JavaCard   string `json:"java_card"`
	Commit     int    `json:"commit_buffer"`
	Installs   bool   `json:"installs"`
	Persistent int    `json:"persistent_left"` // bytes; negative: missing
	Transient  int    `json:"transient_left"`
	Refusal    string `json:"refusal,omitempty"`
}

type memoryReport struct {
	Profile    string          `json:"profile"`
	Persistent int             `json:"persistent"`
	Transient  int             `json:"transient"`
	Install    int             `json:"install"` // in the journal of INSTALL
	ByKind     []card.Taken    `json:"by_kind"`
	Products   []memoryProduct `json:"products"`
	Smallest   string          `json:"smallest,omitempty"` // profile
}

func memoryAnswer(on card.Profile, need preflight.Need, fits []preflight.Fit) memoryReport {
	report := memoryReport{Profile: on.Name, Persistent: need.Persistent,
		Transient: need.Transient, Install: need.Install, ByKind: need.ByKind}
	for _, f := range fits {
		p := memoryProduct{Profile: f.Profile.Name, Product: f.Profile.Title,
			Source: f.Profile.Source, Assumed: f.Profile.Assumed, JavaCard: f.Profile.JavaCard,
			Commit: f.Profile.CommitBytes, Installs: f.Installs(),
			Persistent: f.PersistentLeft(), Transient: f.TransientLeft()}
		if f.Refusal != nil {
			p.Refusal = f.Refusal.Error()
		}
		report.Products = append(report.Products, p)
	}
	if i := preflight.Smallest(fits); i >= 0 {
		report.Smallest = fits[i].Profile.Name
	}
	return report
}

func writeMemory(out io.Writer, on card.Profile, need preflight.Need, fits []preflight.Fit) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "What the applet takes on %s, bytes\tnumber\tpersistent\ttransient\n",
		on.Name)
	for _, k := range need.ByKind {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\n", k.Kind, k.Count, k.NVM, k.Transient)
	}
	fmt.Fprintf(table, "all\t\t%d\t%d\n", need.Persistent, need.Transient)
	fmt.Fprintf(table, "in the journal of INSTALL\t\t%d of %d\n\n", need.Install,
		on.InstallBytes)
	fmt.Fprintln(table,
		"Profile\tinstalls\tpersistent left\ttransient left\tof\tproduct\tsource")
	for _, f := range fits {
		installs := "yes"
		if !f.Installs() {
			installs = "no"
		}
		source := f.Profile.Source
		if f.Profile.Assumed != "" {
			source += "; assumed: " + f.Profile.Assumed
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%s\t%s\n", f.Profile.Name, installs,
			f.PersistentLeft(), f.TransientLeft(), f.Profile.RAMBytes, f.Profile.Title, source)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if i := preflight.Smallest(fits); i >= 0 {
		_, err := fmt.Fprintf(out, "\nThe smallest that it can be installed on: %s (%s)\n",
			fits[i].Profile.Name, fits[i].Profile.Title)
		return err
	}
	_, err := fmt.Fprintln(out, "\nIt can be installed on none of them")
	return err
}
