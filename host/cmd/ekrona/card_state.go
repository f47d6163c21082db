package main

import (
	"encoding/hex"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona/apdu/cvc"
	"ekrona/apdu/message"
	"ekrona/apdu/pin"
	"ekrona/host/card"
	"ekrona/host/money"
)

// cardInfo is what a card says of itself to its owner.
type cardInfo struct {
	Device      string           `json:"device"`
	LifeCycle   string           `json:"life_cycle"`
	SpecVersion string           `json:"spec_version"`
	Expiry      string           `json:"certificate_expiry"`
	Balance     money.Ore        `json:"balance_ore"`
	Policy      message.Policy   `json:"policy"`
	Counters    message.Counters `json:"counters"`
}

// verified selects the applet on the person's card and enters the PIN.
func (v visit) verified() (*card.Client, message.FCI, error) {
	tap, err := v.tap()
	if err != nil {
		return nil, message.FCI{}, err
	}
	client := card.New(tap.Card)
	fci, err := client.Select(v.ctx)
	if err != nil {
		return nil, fci, err
	}
	return client, fci, client.Verify(v.ctx, tap.PIN, card.PINTransport{})
}

func cardInfoCommand() *cobra.Command {
	f := &inTown{}
	return personCommand(f, "info NAME", "What a card of a town says of itself to its owner", 0, "a person's name", func(c *cobra.Command, v visit) error {
		client, fci, err := v.verified()
		if err != nil {
			return err
		}
		info := cardInfo{LifeCycle: fci.LifeCycle.String(), SpecVersion: fmt.Sprintf("%d.%d", fci.SpecVersion>>8, fci.SpecVersion&0xFF)}
		encoded, err := client.Certificate(v.ctx)
		if err != nil {
			return err
		}
		certificate, err := cvc.Parse(encoded)
		if err != nil {
			return err
		}
		info.Device, info.Expiry = string(certificate.Holder), certificate.Expiry.String()
		balance, err := client.Balance(v.ctx)
		if err != nil {
			return err
		}
		info.Balance = money.FromWire(uint32(balance))
		if info.Policy, err = client.Policy(v.ctx); err != nil {
			return err
		}
		if info.Counters, err = client.Counters(v.ctx); err != nil {
			return err
		}
		kr := func(a message.Amount) money.Ore { return money.FromWire(uint32(a)) }
		return f.answer(c, info, `device       %s, %s, certificate until %s
balance      %s of at most %s
payments     %s at most each, %d transactions between two synchronisations
records      %d written, %d acknowledged
Instructions %d applied; policy version %d; %d Requests made`,
			info.Device, info.LifeCycle, info.Expiry, info.Balance, kr(info.Policy.MaxBalance), kr(info.Policy.MaxPayment),
			info.Policy.MaxTransactions, info.Counters.ATC, info.Counters.AckedATC, info.Counters.InstructionSequence,
			info.Policy.Version, info.Counters.RequestCounter)
	})
}

// recordAnswer is one record of the log.
type recordAnswer struct {
	ATC     uint32    `json:"atc"`
	Kind    string    `json:"kind"`
	Other   string    `json:"other"` // the other device, when the record tells
	Amount  money.Ore `json:"amount_ore"`
	Request uint32    `json:"request"`
	Record  string    `json:"record"` // hex
}

func cardLogCommand() *cobra.Command {
	f := &inTown{}
	return personCommand(f, "log NAME", "The records on a card that the notary has not acknowledged", 0, "a person's name", func(c *cobra.Command, v visit) error {
		client, _, err := v.verified()
		if err != nil {
			return err
		}
		records, err := client.Records(v.ctx)
		if err != nil {
			return err
		}
		answers, text := []recordAnswer{}, "no record waits for the notary\n"
		for i, encoded := range records {
			record, err := message.ParseRecord(encoded)
			if err != nil {
				return err
			}
			if i == 0 {
				text = ""
			}
			answer := describe(record)
			answer.Record = hex.EncodeToString(encoded)
			answers = append(answers, answer)
			text += fmt.Sprintf("%6d  %-9s %-18s %12s  Request %d\n", answer.ATC, answer.Kind, answer.Other, answer.Amount, answer.Request)
		}
		return f.answer(c, answers, "%s", text[:len(text)-1])
	})
}

func describe(r message.Record) recordAnswer {
	answer := recordAnswer{ATC: r.ATC()}
	switch {
	case r.Refusal != nil:
		answer.Kind, answer.Other, answer.Request = "refused", string(r.Refusal.Payer), r.Refusal.Number
		return answer
	case r.Receipt != nil:
		answer.Kind, answer.Other = "accepted", string(r.Payment.Payer)
	default:
		answer.Kind, answer.Other = "paid", string(r.Payment.Request.Payee)
	}
	answer.Amount, answer.Request = money.FromWire(uint32(r.Payment.Request.Amount)), r.Payment.Request.Number
	return answer
}

func cardPINCommand() *cobra.Command {
	f, puk := &inTown{}, ""
	c := personCommand(f, "pin NAME NEW-PIN", "Change a card's PIN, or set a new one by the PUK", 1, "a person's name and the new PIN", func(c *cobra.Command, v visit) error {
		replacement, err := pin.NewBlock(v.arguments[0])
		if err != nil {
			return usage("new PIN: %w", err)
		}
		tap, err := v.tap()
		if err != nil {
			return err
		}
		if puk == "" {
			err = v.person.Phone.ChangePIN(v.ctx, tap, replacement)
		} else {
			block, blockErr := pin.NewPUKBlock(puk)
			if blockErr != nil {
				return usage("--puk: %w", blockErr)
			}
			err = v.person.Phone.UnblockPIN(v.ctx, tap, block, replacement)
		}
		if err != nil {
			return err
		}
		if err := v.town.NoteNewPIN(v.person, v.arguments[0]); err != nil {
			return fmt.Errorf("the card has the new PIN, the PIN letter could not be changed: %w", err)
		}
		return f.answer(c, map[string]any{"name": v.person.Name, "changed": true}, "%s's card has a new PIN", v.person.Name)
	})
	c.Flags().StringVar(&puk, "puk", "", "PUK, when the PIN is forgotten or blocked")
	return c
}

func cardRenewCommand() *cobra.Command {
	f := &inTown{}
	return personCommand(f, "renew NAME", "Give a card a later certificate for its key", 0, "a person's name", func(c *cobra.Command, v visit) error {
		until, err := v.town.Renew(v.ctx, v.person)
		if err != nil {
			return err
		}
		return f.answer(c, map[string]any{"name": v.person.Name, "certificate_expiry": until.String()}, "%s's card has a certificate until %s", v.person.Name, until)
	})
}
