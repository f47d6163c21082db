package card

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/cmd/ekrona/internal/cli"
)

// recordAnswer is one record of the log.
type recordAnswer struct {
	ATC     uint32    `json:"atc"`
	Kind    string    `json:"kind"`
	Other   string    `json:"other"` // the other device, if the record names it
	Amount  money.Ore `json:"amount_ore"`
	Request uint32    `json:"request"`
	Record  string    `json:"record"` // hex
}

func logCommand(holders Holders) *cobra.Command {
	f := &holderFlags{holders: holders}
	c := &cobra.Command{
		Use: "log", Short: "List the records on a card that the notary has not acknowledged",
		Example: `  ekrona card log anna --state DIR
  ekrona card log --card anna.card --pin-file pin --json`,
	}
	return holderCommand(f, c, func(ctx context.Context, h *presentedCard) error {
		if err := h.owner(ctx, f.pin); err != nil {
			return err
		}
		records, err := h.Records(ctx)
		if err != nil {
			return err
		}
		answers, lines := []recordAnswer{}, []string{}
		for _, encoded := range records {
			record, err := message.ParseRecord(encoded)
			if err != nil {
				return err
			}
			answer := describe(record)
			answer.Record = hex.EncodeToString(encoded)
			answers = append(answers, answer)
			lines = append(lines, fmt.Sprintf("%6d  %-9s %-18s %12s  Request %d", answer.ATC,
				answer.Kind, answer.Other, answer.Amount, answer.Request))
		}
		if len(lines) == 0 {
			lines = []string{"no record waits for the notary"}
		}
		return cli.Answer(c, f.asJSON, answers, "%s", strings.Join(lines, "\n"))
	})
}

func describe(r message.Record) recordAnswer {
	answer := recordAnswer{ATC: r.ATC()}
	switch {
	case r.Refusal != nil:
		answer.Kind, answer.Other, answer.Request = "refused", string(r.Refusal.Payer),
			r.Refusal.Number
		return answer
	case r.Receipt != nil:
		answer.Kind, answer.Other = "accepted", string(r.Payment.Payer)
	default:
		answer.Kind, answer.Other = "paid", string(r.Payment.Request.Payee)
	}
	answer.Amount, answer.Request = r.Payment.Request.Amount, r.Payment.Request.Number
	return answer
}
