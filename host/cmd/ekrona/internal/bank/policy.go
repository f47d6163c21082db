package bank

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/notary"
)

// presets are the named limits of cards.
var presets = map[string]func() message.Policy{
	"default": message.DefaultPolicy, "pilot": message.PilotPolicy,
}

func presetNames() string {
	var names []string
	for name := range presets {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func policyCommand() *cobra.Command {
	return cli.Group("policy", "The limits of a bank's cards: set them, show how far they have got",
		policySetCommand(), policyShowCommand())
}

// policySet is one run of "bank policy set".
type policySet struct {
	parties.Flags
	bank, by, key, preset string
	everyone              bool
	cards, customers      []string
	groups                []uint
	balance, payment      string
	spent                 string
	transactions          uint
	flags                 []bool // in the order of spec.Flags
}

func policySetCommand() *cobra.Command {
	p := &policySet{}
	c := &cobra.Command{
		Use:   "set",
		Short: "Order other limits for cards: one, those of some customers, or all",
		Long: `Order other limits for cards: for single ones (--card), for those that customers have and will
get (--customer), for those of a group of people and those that come into it later (--group,
see "ekrona bank group"), or for all and those that are issued later (--all). Each card gets
them with its next synchronisation. The order has a version, which grows with each order; who
gave it and when is kept.

The limits are those of --preset, changed by the flags for single limits. Without --preset
these change the policy that the cards shall have now, which must then be the same for all.
An order above the ceilings of a card is refused as a whole, and names the card.`,
		Example: `  ekrona bank policy set --state DIR --bank SENORDIC --all --preset pilot --by eva
  ekrona bank policy set --state DIR --bank SENORDIC --customer anna --max-payment 500 --by eva`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			return p.RunBank(c, p.bank, func(ctx context.Context, b banking.Operator) error {
				return p.run(ctx, c, b)
			})
		},
	}
	p.BindStaff(c)
	bankFlag(c, &p.bank)
	c.Flags().StringVar(&p.by, "by", "", "who orders it (needed)")
	c.Flags().StringVar(&p.key, "order", "", "name of the order: repeating the same order changes "+
		"nothing more (default: a new name)")
	c.Flags().StringVar(&p.preset, "preset", "", "start from named limits: "+presetNames())
	c.Flags().BoolVar(&p.everyone, "all", false, "for all cards of the bank")
	c.Flags().StringArrayVar(&p.cards, "card", nil, "device id of a card (repeat for more)")
	c.Flags().StringArrayVar(&p.customers, "customer", nil,
		"customer whose cards are meant (repeat for more)")
	c.Flags().UintSliceVar(&p.groups, "group", nil,
		"number of a group of people whose cards are meant (repeat for more)")
	c.Flags().StringVar(&p.balance, "max-balance", "", "most that a card holds, in kronor")
	c.Flags().StringVar(&p.payment, "max-payment", "", "most of one payment, in kronor")
	c.Flags().StringVar(&p.spent, "max-spent", "",
		"most paid between two synchronisations, in kronor")
	c.Flags().UintVar(&p.transactions, "max-transactions", 0,
		"transactions between two synchronisations")
	p.flags = make([]bool, len(spec.Flags))
	for n, row := range spec.Flags {
		c.Flags().BoolVar(&p.flags[n], flagOf(row), false, row.Meaning)
	}
	return c
}

// flagOf returns the command's flag for a bit of a policy.
func flagOf(row spec.BitRow) string {
	return strings.ToLower(strings.ReplaceAll(row.Name, "_", "-"))
}

func (p *policySet) run(ctx context.Context, c *cobra.Command, b banking.Operator) error {
	o := banking.PolicyOrder{Key: p.key, By: p.by, Preset: p.preset, Everyone: p.everyone,
		Customers: p.customers}
	if o.Key == "" {
		o.Key = rand.Text()
	}
	for _, id := range p.cards {
		device, err := message.ParseDeviceID(id)
		if err != nil {
			return cli.Usage("--card: %w", err)
		}
		o.Devices = append(o.Devices, device)
	}
	for _, group := range p.groups {
		if group < 1 || group > math.MaxUint8 {
			return cli.Usage("--group %d: give 1 to %d", group, math.MaxUint8)
		}
		o.Groups = append(o.Groups, int(group))
	}
	switch {
	case p.by == "":
		return cli.Usage("%s: say who orders it: --by NAME", c.CommandPath())
	case o.Everyone == (len(o.Devices)+len(o.Customers)+len(o.Groups) > 0):
		return cli.Usage("%s: say for whom: --all, or --card ID, --customer NAME and --group N",
			c.CommandPath())
	}
	var err error
	if o.Policy, err = p.start(ctx, b, o); err != nil {
		return err
	}
	preset := o.Policy
	if err := p.change(c, &o.Policy); err != nil {
		return err
	}
	if o.Policy != preset { // these are not the named limits any more
		o.Preset = ""
	}
	version, err := b.SetPolicy(ctx, o)
	if err != nil {
		return err
	}
	limits := cli.LimitsOf(o.Policy)
	return p.Answer(c, map[string]any{"order": o.Key, "version": version, "limits": limits},
		"version %d, order %s: %s; each card gets it with its next synchronisation", version, o.Key,
		limits)
}

// start returns the limits from which an order starts: the preset's, or those that the cards shall
// have now.
func (p *policySet) start(
	ctx context.Context, b banking.Operator, o banking.PolicyOrder,
) (start message.Policy, err error) {
	if p.preset != "" {
		named, known := presets[p.preset]
		if !known {
			return start, cli.Usage("--preset %q: choose one of: %s", p.preset, presetNames())
		}
		return named(), nil
	}
	found := false
	if err := eachCard(ctx, b, func(card banking.CardPolicy) error {
		if !isMeant(o, card) {
			return nil
		}
		now := card.Policy
		now.Version = 0
		if found && now != start {
			return cli.Usage("these cards have different limits: name those from which the "+
				"order starts: --preset (%s)", presetNames())
		}
		start, found = now, true
		return nil
	}); err != nil {
		return start, err
	}
	if !found {
		return start, cli.Usage("no card in use is meant, so that there are no limits to change: "+
			"name those from which the order starts: --preset (%s)", presetNames())
	}
	return start, nil
}

// isMeant reports whether an order is for a card that there is.
func isMeant(o banking.PolicyOrder, card banking.CardPolicy) bool {
	if slices.Contains(o.Devices, card.Device) {
		return true
	}
	return card.InUse && (o.Everyone || slices.Contains(o.Customers, card.Customer) ||
		slices.Contains(o.Groups, int(card.Group)))
}

// change puts the single limits of the command line into a policy.
func (p *policySet) change(c *cobra.Command, policy *message.Policy) error {
	changed := p.preset != ""
	for _, amount := range []struct {
		flag, text string
		into       *money.Ore
	}{{"max-balance", p.balance, &policy.MaxBalance},
		{"max-payment", p.payment, &policy.MaxPayment},
		{"max-spent", p.spent, &policy.MaxSpent}} {
		if !c.Flags().Changed(amount.flag) {
			continue
		}
		changed = true
		limit, err := parties.AmountOf(amount.text)
		if err != nil {
			return fmt.Errorf("--%s: %w", amount.flag, err)
		}
		*amount.into = limit
	}
	if c.Flags().Changed("max-transactions") {
		changed = true
		if p.transactions == 0 {
			return cli.Usage("--max-transactions 0: give 1 or more: with none a card cannot be " +
				"unloaded either")
		}
		if !setCount(&policy.MaxTransactions, p.transactions) {
			return cli.Usage("--max-transactions %d: more than a policy can say", p.transactions)
		}
	}
	for n, row := range spec.Flags {
		if !c.Flags().Changed(flagOf(row)) {
			continue
		}
		changed = true
		policy.Flags &^= row.Bit
		if p.flags[n] {
			policy.Flags |= row.Bit
		}
	}
	if !changed {
		return cli.Usage("%s: say which limits: --preset NAME, or single ones; see %q",
			c.CommandPath(), c.CommandPath()+" --help")
	}
	return nil
}

// setCount sets a number of transactions, and reports whether there is room for it.
func setCount[T ~uint8 | ~uint16](into *T, n uint) bool {
	*into = T(n)
	return uint(*into) == n
}

// Answers of "bank policy show" for a script.
type (
	policyOrderAnswer struct {
		Version   uint32             `json:"version"`
		Order     string             `json:"order"`
		By        string             `json:"by"`
		At        time.Time          `json:"at"`
		Preset    string             `json:"preset,omitempty"`
		Everyone  bool               `json:"everyone"`
		Cards     []message.DeviceID `json:"cards,omitempty"`
		Customers []string           `json:"customers,omitempty"`
		Groups    []int              `json:"groups,omitempty"`
		Limits    cli.Limits         `json:"limits"`
	}
	cardPolicyAnswer struct {
		Device   message.DeviceID `json:"device"`
		Customer string           `json:"customer"`
		Version  uint32           `json:"version"`
		Seen     uint32           `json:"seen_version"`
		Group    uint8            `json:"group"`
		Rollout  banking.Rollout  `json:"rollout"`
		InUse    bool             `json:"in_use"`
		Attacks  uint8            `json:"attacks_found"`
		Limits   cli.Limits       `json:"limits"`
		Ceilings cli.Limits       `json:"ceilings"`
	}
)

func policyShowCommand() *cobra.Command {
	f, page, name := &parties.Flags{}, &cli.Page{}, ""
	c := &cobra.Command{
		Use:   "show",
		Short: "Show the policies that were ordered, and which cards have which version",
		Long: `Show the policies that were ordered, the newest first, and which cards have which version, by
device id. --before shows older orders, --after the cards after one; how many cards an order is
outstanding at is of all of them.`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := page.Check(); err != nil {
				return err
			}
			return f.RunBank(c, name, func(ctx context.Context, b banking.Operator) error {
				return show(ctx, c, f, page, b)
			})
		},
	}
	page.Add(c, "orders", "cards")
	f.BindStaff(c)
	bankFlag(c, &name)
	return c
}

func show(
	ctx context.Context, c *cobra.Command, f *parties.Flags, page *cli.Page, b banking.Operator,
) error {
	ordered, err := b.PolicyOrders(ctx, page.Before, page.Limit)
	if err != nil {
		return err
	}
	known, err := b.CardPolicies(ctx, message.DeviceID(page.After), page.Limit)
	if err != nil {
		return err
	}
	older, after, err := rest(ctx, b, ordered, known)
	if err != nil {
		return err
	}
	outstanding, inUse, err := outstandingAt(ctx, b)
	if err != nil {
		return err
	}
	orders, cards := []policyOrderAnswer{}, []cardPolicyAnswer{}
	var text strings.Builder
	for _, o := range ordered {
		a := policyOrderAnswer{o.Policy.Version, o.Key, o.By, o.At, o.Preset, o.Everyone, o.Devices,
			o.Customers, o.Groups, cli.LimitsOf(o.Policy)}
		orders = append(orders, a)
		preset := ""
		if a.Preset != "" {
			preset = a.Preset + ", "
		}
		fmt.Fprintf(&text, "version %d, ordered by %s on %s for %s: %s%s\n", a.Version, a.By,
			a.At.Format(time.RFC3339), forWhom(o), preset, a.Limits)
	}
	if older != 0 {
		fmt.Fprintf(&text, "older orders: --before %d\n", older)
	}
	for _, card := range known {
		a := cardPolicyAnswer{card.Device, card.Customer, card.Policy.Version, card.Seen,
			card.Group, card.Rollout(), card.InUse, card.Attacks, cli.LimitsOf(card.Policy),
			cli.LimitsOf(card.Ceilings)}
		cards = append(cards, a)
		state := fmt.Sprintf("has version %d", a.Seen)
		switch a.Rollout {
		case banking.Outstanding:
			state += fmt.Sprintf(", version %d is outstanding", a.Version)
		case banking.OrderLost:
			state += ", whose order was lost with a restored backup: order the policy again"
		case banking.RolledOut:
		}
		if card.Group != 0 {
			state += fmt.Sprintf("; group %d", card.Group)
		}
		if !card.InUse {
			state += "; out of use"
		}
		if card.Attacks > 0 {
			state += fmt.Sprintf("; has found %d attack(s) on it", card.Attacks)
		}
		fmt.Fprintf(&text, "%s of %s %s\n", a.Device, a.Customer, state)
	}
	if after != "" {
		fmt.Fprintf(&text, "more cards: --after %s\n", after)
	}
	return f.Answer(c, map[string]any{"orders": orders, "cards": cards, "older_before": older,
		"cards_after": after, "in_use": inUse, "outstanding": outstanding},
		"%soutstanding at %d of %d card(s) in use", text.String(), outstanding, inUse)
}

// rest returns from where on the rest follows of what was shown; zero where there is none.
func rest(
	ctx context.Context, b banking.Operator, orders []banking.PolicyOrder,
	cards []banking.CardPolicy,
) (older uint32, after message.DeviceID, err error) {
	if n := len(orders); n > 0 {
		last := orders[n-1].Policy.Version
		next, err := b.PolicyOrders(ctx, last, 1)
		if err != nil {
			return 0, "", err
		}
		if len(next) > 0 {
			older = last
		}
	}
	if n := len(cards); n > 0 {
		next, err := b.CardPolicies(ctx, cards[n-1].Device, 1)
		if err != nil {
			return 0, "", err
		}
		if len(next) > 0 {
			after = cards[n-1].Device
		}
	}
	return older, after, nil
}

// outstandingAt counts the cards in use, and those that have not got what they shall have: a card
// that is out of use may never come again.
func outstandingAt(
	ctx context.Context, b banking.Operator,
) (outstanding, inUse int, err error) {
	err = eachCard(ctx, b, func(card banking.CardPolicy) error {
		if card.InUse {
			inUse++
			if card.Rollout() == banking.Outstanding {
				outstanding++
			}
		}
		return nil
	})
	return outstanding, inUse, err
}

// forWhom is for whom an order is, for a person.
func forWhom(o banking.PolicyOrder) string {
	if o.Everyone {
		return "all cards"
	}
	names := slices.Clone(o.Customers)
	for _, id := range o.Devices {
		names = append(names, string(id))
	}
	for _, group := range o.Groups {
		names = append(names, fmt.Sprintf("group %d", group))
	}
	return strings.Join(names, ", ")
}

// eachCard calls do for every card, a page at a time.
func eachCard(
	ctx context.Context, b banking.Operator, do func(banking.CardPolicy) error,
) error {
	for after := message.DeviceID(""); ; {
		page, err := b.CardPolicies(ctx, after, notary.MaxPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, card := range page {
			if err := do(card); err != nil {
				return err
			}
		}
		after = page[len(page)-1].Device
	}
}

func bankFlag(c *cobra.Command, name *string) {
	c.Flags().StringVar(name, "bank", "", "the bank, such as SENORDIC (needed with --state)")
}
