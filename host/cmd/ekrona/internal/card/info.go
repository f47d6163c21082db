package card

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/apdu"
	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/cmd/ekrona/internal/cli"
)

// cardInfo is what a card reports of itself: first what it shows to everybody, then what it
// shows after its PIN.
type cardInfo struct {
	Where       string `json:"card"`
	ATR         string `json:"atr,omitempty"`
	Application bool   `json:"application"` // the applet is there
	LifeCycle   string `json:"life_cycle,omitempty"`
	SpecVersion string `json:"spec_version,omitempty"`
	PINTries    *int   `json:"pin_tries_left,omitempty"`
	OrderNumber uint32 `json:"crisis_order,omitempty"` // that the card holds

	Device string `json:"device,omitempty"`
	Expiry string `json:"certificate_expiry,omitempty"`

	Balance       *money.Ore    `json:"balance_ore,omitempty"`
	PolicyVersion *uint32       `json:"policy_version,omitempty"`
	Limits        *cli.Limits   `json:"limits,omitempty"`
	Counters      *cardCounters `json:"counters,omitempty"`
}

// cardCounters are a card's counters for a script.
type cardCounters struct {
	Records      uint32 `json:"records"`
	Acknowledged uint32 `json:"acknowledged_records"`
	Slots        uint8  `json:"slots"`
	Instructions uint32 `json:"instructions"`
	Requests     uint32 `json:"requests"`
	Group        uint8  `json:"group"` // of people, of whom crisis orders may have a row
	Attacks      uint8  `json:"attacks"`
	MaxAttacks   uint8  `json:"max_attacks"`
}

func infoCommand(holders Holders) *cobra.Command {
	f, ask := &holderFlags{holders: holders}, false
	c := &cobra.Command{
		Use: "info", Short: "Show what a card reports of itself",
		Long: `
Without PIN a card shows little. The rest follows if a PIN is given, or with --with-pin,
which asks for it.`,
		Example: `  ekrona card info
  ekrona card info --card blank.card --json
  ekrona card info anna --state DIR`,
	}
	holderCommand(f, c, func(ctx context.Context, h *presentedCard) error {
		info, err := toEverybody(ctx, h)
		if err != nil {
			return err
		}
		secured := false
		if info.Application && h.absent == nil && !f.pin.Given() {
			if secured, err = h.secured(ctx); err != nil {
				return err
			}
		}
		asked := ask || f.pin.Given() || h.holder.Cards[0].PIN != ""
		if info.Application && (secured || asked) {
			if !secured {
				if err := h.byPIN(ctx, f.pin); err != nil {
					return err
				}
			}
			if err := info.toHolder(ctx, h.Client); err != nil {
				return err
			}
		}
		return cli.Answer(c, f.asJSON, info, "%s", strings.TrimSuffix(info.text(), "\n"))
	})
	c.Flags().BoolVar(&ask, "with-pin", false, "ask for the PIN and show what needs it")
	return c
}

// toEverybody reads what the card shows without PIN.
func toEverybody(ctx context.Context, h *presentedCard) (*cardInfo, error) {
	info := &cardInfo{Where: h.where, ATR: fmt.Sprintf("%X", h.atr)}
	if h.absent != nil {
		if client.Is(h.absent, apdu.SWFileNotFound) {
			return info, nil
		}
		return nil, h.absent
	}
	info.Application, info.LifeCycle = true, h.fci.LifeCycle.String()
	info.SpecVersion = fmt.Sprintf("%d.%d", h.fci.SpecVersion>>8, h.fci.SpecVersion&0xFF)
	info.OrderNumber = h.fci.OrderNumber
	tries, known, err := h.PINTries(ctx)
	if err != nil {
		return nil, err
	}
	if known {
		info.PINTries = &tries
	}
	// A card whose policy allows it to receive without PIN shows the certificate too.
	err = info.certificate(ctx, h.Client)
	if client.Is(err, spec.SWSecurity) || client.Is(err, spec.SWConditions) {
		err = nil
	}
	return info, err
}

func (i *cardInfo) certificate(ctx context.Context, applet *client.Client) error {
	encoded, err := applet.Certificate(ctx)
	if err != nil {
		return err
	}
	certificate, err := cvc.Parse(encoded)
	if err != nil {
		return fmt.Errorf("the card's certificate: %w", err)
	}
	i.Device, i.Expiry = string(certificate.Holder), certificate.Expiry.String()
	return nil
}

// toHolder reads the rest, after the PIN.
func (i *cardInfo) toHolder(ctx context.Context, applet *client.Client) error {
	if err := i.certificate(ctx, applet); err != nil {
		return err
	}
	balance, err := applet.Balance(ctx)
	if err != nil {
		return err
	}
	policy, err := applet.Policy(ctx)
	if err != nil {
		return err
	}
	counters, err := applet.Counters(ctx)
	if err != nil {
		return err
	}
	limits := cli.LimitsOf(policy)
	i.Balance, i.PolicyVersion, i.Limits = &balance, &policy.Version, &limits
	i.Counters = &cardCounters{Records: counters.ATC, Acknowledged: counters.AckedATC,
		Slots: counters.Slots, Instructions: counters.InstructionSequence,
		Requests: counters.RequestCounter, Group: counters.Group,
		Attacks: counters.Attacks, MaxAttacks: counters.MaxAttacks}
	return nil
}

// text is the page for a person.
func (i *cardInfo) text() string {
	var out strings.Builder
	line := func(label, format string, arguments ...any) {
		fmt.Fprintf(&out, "%-12s %s\n", label, fmt.Sprintf(format, arguments...))
	}
	line("card", "%s", i.Where)
	if i.ATR != "" {
		line("ATR", "%s", i.ATR)
	}
	if !i.Application {
		line("application", "none: this is no e-krona card yet; \"ekrona issue check\" shows more")
		return out.String()
	}
	tries := ""
	if i.PINTries != nil {
		tries = fmt.Sprintf("; PIN tries left: %d", *i.PINTries)
	}
	line("application", "version %s, %s%s", i.SpecVersion, i.LifeCycle, tries)
	if i.Device != "" {
		line("device", "%s, certificate until %s", i.Device, i.Expiry)
	}
	if i.OrderNumber > 0 {
		line("crisis", "order %d is held, which may raise the limits of the policy: \"ekrona "+
			"wallet crisis\" shows those in force", i.OrderNumber)
	}
	if i.Balance == nil {
		line("more", "after the PIN: --pin-file FILE, EKRONA_PIN or --with-pin")
		return out.String()
	}
	line("balance", "%s of at most %s", *i.Balance, i.Limits.MaxBalance)
	line("payments", "%s at most each; between two synchronisations %s at most paid, and %d "+
		"transactions", i.Limits.MaxPayment, i.Limits.MaxSpent,
		min(i.Limits.MaxTransactions, uint(i.Counters.Slots)))
	line("records", "%d written, %d acknowledged; the log has %d slots", i.Counters.Records,
		i.Counters.Acknowledged, i.Counters.Slots)
	line("Instructions", "%d applied; policy version %d; group %d; %d Requests made",
		i.Counters.Instructions, *i.PolicyVersion, i.Counters.Group, i.Counters.Requests)
	block := "never block it"
	if i.Counters.MaxAttacks > 0 {
		block = fmt.Sprintf("%d block it", i.Counters.MaxAttacks)
	}
	line("attacks", "%d found; %s", i.Counters.Attacks, block)
	return out.String()
}

func balanceCommand(holders Holders) *cobra.Command {
	f := &holderFlags{holders: holders}
	c := &cobra.Command{
		Use: "balance", Short: "Show how much money is on a card",
		Example: `  ekrona card balance anna --state DIR
  ekrona card balance --reader ACR1252 --plain-pin --json`,
	}
	return holderCommand(f, c, func(ctx context.Context, h *presentedCard) error {
		if err := h.owner(ctx, f.pin); err != nil {
			return err
		}
		balance, err := h.Balance(ctx)
		if err != nil {
			return err
		}
		return cli.Answer(c, f.asJSON, map[string]money.Ore{"balance_ore": balance},
			"%s on the card", balance)
	})
}
