package cost

import (
	"context"

	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/sandbox"
)

// synchroniseFullLog fills the log of a card and has it synchronise: of the most transactions that
// the default policy allows half are payments and half were received, and the rest are refusals.
func (m *measurement) synchroniseFullLog(
	ctx context.Context, s *sandbox.Merchant, payer *sandbox.Person,
) error {
	m.holder = "" // filling it is not measured
	full, err := m.Person(ctx, "dora", "")
	if err != nil {
		return err
	}
	for _, p := range []*sandbox.Person{full, payer} {
		if err := m.fund(ctx, p, spec.DefaultMaxTransactions/2*money.Krona); err != nil {
			return err
		}
	}
	tap, err := present(full)
	if err != nil {
		return err
	}
	if err := full.Phone.Pair(ctx, tap); err != nil {
		return err
	}
	for n := range spec.DefaultSlots {
		if tap, err = present(full); err != nil {
			return err
		}
		switch transaction := n - (spec.DefaultSlots - spec.DefaultMaxTransactions); {
		case transaction < 0:
			err = m.refuse(ctx, full, tap, money.Krona)
		case transaction < spec.DefaultMaxTransactions/2:
			err = m.sell(ctx, s, tap, money.Krona)
		default:
			err = m.receive(ctx, full, payer, money.Krona)
		}
		if err != nil {
			return err
		}
	}
	m.holder = full.Name
	m.begin(FullLog, 0)
	_, err = full.Phone.Synchronise(ctx, bare(full))
	return err
}
