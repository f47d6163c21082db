package network

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/notary"
)

// ageAnswer are things of one age, for a script.
type ageAnswer struct {
	Hours  int       `json:"younger_than_hours"` // 0: all that are older
	Count  int       `json:"count"`
	Amount money.Ore `json:"amount_ore"`
}

func agesOf(ages []notary.Age) []ageAnswer {
	all := []ageAnswer{}
	for _, a := range ages {
		all = append(all, ageAnswer(a))
	}
	return all
}

// english are ages for a person; empty for nothing.
func english(ages []notary.Age) string {
	var parts []string
	for i, a := range ages {
		if a.Count == 0 {
			continue
		}
		age := fmt.Sprintf("under %d hours", a.Hours)
		if a.Hours == 0 {
			age = fmt.Sprintf("longer than %d hours", ages[i-1].Hours)
		}
		parts = append(parts, fmt.Sprintf("%s (%d) for %s", a.Amount, a.Count, age))
	}
	return strings.Join(parts, ", ")
}

// intermediaryAnswer are the totals of an intermediary, for a script.
type intermediaryAnswer struct {
	Name        message.Name `json:"name"`
	Online      money.Ore    `json:"online_ore"`
	Shadow      money.Ore    `json:"shadow_ore"`
	Devices     int          `json:"devices"`
	Credits     money.Ore    `json:"credits_ore"`
	Unconfirmed int          `json:"unconfirmed_credits"`
	Unknown     []ageAnswer  `json:"unheard_of"`
}

// totalsAnswer are the totals, for a script.
type totalsAnswer struct {
	At             time.Time            `json:"at"`
	Issued         money.Ore            `json:"issued_ore"`
	Pool           money.Ore            `json:"pool_ore"`
	Lent           money.Ore            `json:"lent_ore"`
	Intermediaries []intermediaryAnswer `json:"intermediaries"`
	Reserved       []ageAnswer          `json:"reserved_claims"`
	Waiting        []ageAnswer          `json:"waiting_claims"`
}

func totalsCommand() *cobra.Command {
	f := &parties.Flags{}
	c := &cobra.Command{
		Use:   "totals",
		Short: "Show where the money is, what of it is not known and how long, which claims wait",
		Long: `Show the sums of the whole scheme at one moment: what each intermediary holds online and its
devices offline; the offline holdings by the time for which nothing was heard of the device, for
so long it is not known how much of them was paid on; credits that no device has confirmed; what
the pool has lent ahead; and the claims without a verdict, by age.`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			return f.RunCentral(c, func(ctx context.Context, r parties.Room) error {
				t, err := r.Central.Totals(ctx)
				if err != nil {
					return err
				}
				return answerTotals(c, f, t)
			})
		},
	}
	return f.BindStaff(c)
}

func answerTotals(c *cobra.Command, f *parties.Flags, t notary.Totals) error {
	a := totalsAnswer{t.At, t.Issued, t.Pool, t.Lent, []intermediaryAnswer{}, agesOf(t.Reserved),
		agesOf(t.Pending)}
	var text strings.Builder
	for _, i := range t.Intermediaries {
		a.Intermediaries = append(a.Intermediaries, intermediaryAnswer{i.Name, i.Online, i.Shadow,
			i.Devices, i.Credits, i.Unconfirmed, agesOf(i.Unknown)})
		fmt.Fprintf(&text, "%s: online %s; offline %s on %d device(s); %d credit(s) of %s not "+
			"confirmed\n", i.Name, i.Online, i.Shadow, i.Devices, i.Unconfirmed, i.Credits)
		if unknown := english(i.Unknown); unknown != "" {
			if i.Unknown[len(i.Unknown)-1].Count > 0 {
				unknown += ", or ever"
			}
			fmt.Fprintf(&text, "  nothing was heard of %s\n", unknown)
		}
	}
	for _, claims := range []struct {
		what string
		ages []notary.Age
	}{{"covered, their payees have not decided", t.Reserved}, {"waiting for cover", t.Pending}} {
		if ages := english(claims.ages); ages != "" {
			fmt.Fprintf(&text, "claims %s: %s\n", claims.what, ages)
		}
	}
	if t.Lent > 0 {
		fmt.Fprintf(&text, "the pool has lent %s ahead\n", t.Lent)
	}
	return f.Answer(c, a, "%sissued %s, pool %s", text.String(), t.Issued, t.Pool)
}

// discrepancyAnswer is a device whose equation does not hold, for a script.
type discrepancyAnswer struct {
	Device       message.DeviceID `json:"device"`
	Intermediary message.Name     `json:"intermediary"`
	Owner        string           `json:"owner"`
	Status       string           `json:"status"`
	Balance      money.Ore        `json:"balance_ore"`
	Difference   money.Ore        `json:"difference_ore"`
	At           time.Time        `json:"at"`
	Why          string           `json:"why"`
}

// attackedAnswer is a device that has found attacks on it, for a script.
type attackedAnswer struct {
	Device       message.DeviceID `json:"device"`
	Intermediary message.Name     `json:"intermediary"`
	Owner        string           `json:"owner"`
	Status       string           `json:"status"`
	Attacks      int              `json:"attacks"`
	Before       int              `json:"before"`
	At           time.Time        `json:"at"`
}

func reconcileCommand() *cobra.Command {
	f, page := &parties.Flags{}, &cli.Page{}
	c := &cobra.Command{
		Use:   "reconcile",
		Short: "Judge the last State of every device anew, and name those that do not agree",
		Long: `Judge the last State of every device anew: its balance must be what the notary's books explain
(protocol section 8, equation 2). Each device for which that does not hold is named, with why. The exit
code is 3 if there is one. A device whose last State shows that it has found attacks on it is named
too: somebody works on that card. All devices are judged and counted, whatever --limit and --after
have it show.`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := page.Check(); err != nil {
				return err
			}
			return f.RunCentral(c, func(ctx context.Context, r parties.Room) error {
				all, err := notary.ReconcileAll(ctx, r.Central)
				if err != nil {
					return err
				}
				return answerReconciled(c, f, page, all)
			})
		},
	}
	page.AddDevices(c, "devices")
	return f.BindStaff(c)
}

// pageOf returns the devices of a page, and the one to go on after where there are more.
func pageOf[D any](
	all []D, page *cli.Page, id func(D) message.DeviceID,
) (shown []D, after message.DeviceID) {
	for _, d := range all { // in the order of their ids
		if id(d) <= message.DeviceID(page.After) {
			continue
		}
		if len(shown) == page.Limit {
			return shown, id(shown[page.Limit-1])
		}
		shown = append(shown, d)
	}
	return shown, ""
}

func answerReconciled(
	c *cobra.Command, f *parties.Flags, page *cli.Page, all notary.Reconciliation,
) error {
	found, text := []discrepancyAnswer{}, ""
	shown, foundAfter := pageOf(all.Found, page,
		func(d notary.Discrepancy) message.DeviceID { return d.Device })
	for _, d := range shown {
		found = append(found, discrepancyAnswer{d.Device, d.Intermediary, d.Owner,
			d.Status.String(), d.Balance, d.Difference, d.At, d.Why})
		text += fmt.Sprintf("%s of %s, %s: %s; its last State, of %s, shows %s\n", d.Device,
			d.Intermediary, d.Status, d.Why, d.At.Format(time.RFC3339), d.Balance)
	}
	if foundAfter != "" {
		text += fmt.Sprintf("more that do not agree: --after %s\n", foundAfter)
	}
	attacked := []attackedAnswer{}
	worked, attackedAfter := pageOf(all.Attacked, page,
		func(d notary.Attacked) message.DeviceID { return d.Device })
	for _, d := range worked {
		attacked = append(attacked, attackedAnswer{d.Device, d.Intermediary, d.Owner,
			d.Status.String(), d.Attacks, d.Before, d.At})
		text += fmt.Sprintf("%s of %s, %s: it has found %d attack(s) on it, %d of them since the "+
			"State before; its last State is of %s\n", d.Device, d.Intermediary, d.Status,
			d.Attacks, max(d.Attacks-d.Before, 0), d.At.Format(time.RFC3339))
	}
	if attackedAfter != "" {
		text += fmt.Sprintf("more that have found attacks: --after %s\n", attackedAfter)
	}
	if err := f.Answer(c, map[string]any{"judged": all.Judged, "silent": all.Silent,
		"found": found, "found_in_all": len(all.Found), "found_after": foundAfter,
		"attacked": attacked, "attacked_in_all": len(all.Attacked),
		"attacked_after": attackedAfter},
		"%s%d device(s) judged, %d have not shown a State yet, %d do not agree",
		text, all.Judged, all.Silent, len(all.Found)); err != nil || len(all.Found) == 0 {
		return err
	}
	return cli.Exit(cli.ExitViolated, fmt.Errorf("%d device(s) do not agree with the books, the "+
		"first: %s", len(all.Found), all.Found[0].Device))
}
