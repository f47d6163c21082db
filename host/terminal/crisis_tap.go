package terminal

import (
	"context"

	"ekrona/apdu/message"
	"ekrona/applet/client"
	"ekrona/host/crisis"
)

// giveCrisis gives a card the crisis order that counts today, if the card's is older, and returns
// what the card answers to SELECT afterwards. A card with a higher number than the terminal's gets
// the crisis key, too, once that has replaced a former one: it may hold an order of thieves, which
// it drops then, whatever its number. What the card refuses stops no sale.
// Errors: [*client.LinkLost].
func (t *Terminal) giveCrisis(
	ctx context.Context, applet *client.Client, application message.FCI,
) (message.FCI, error) {
	kept, err := t.readCrisis(ctx, t.db)
	if err != nil || kept.CrisisKey == nil {
		return application, err
	}
	c, err := kept.Carried(t.today())
	if err != nil {
		return application, err
	}
	given := false
	if kept.replaced && application.OrderNumber > kept.Number() {
		if err := applet.VerifyCertificate(ctx, c.CrisisKey); client.IsLost(err) {
			return application, err
		}
		given = true
	}
	if c.Order != nil && (given || application.OrderNumber < kept.Order.Number) {
		if err := applet.CrisisOrder(ctx, c.Order, c.CrisisKey, c.Notary); client.IsLost(err) {
			return application, err
		}
		given = true
	}
	if !given {
		return application, nil
	}
	return applet.Select(ctx) // its number is another now
}

// takeFromCard takes the crisis order of a card that has paid, if its number is higher than the
// terminal's. A card that is taken away meanwhile has paid all the same, and what a card cannot
// prove is not taken; both stop nothing.
func (t *Terminal) takeFromCard(
	ctx context.Context, applet *client.Client, application message.FCI,
) error {
	kept, err := t.readCrisis(ctx, t.db)
	if err != nil || application.OrderNumber <= kept.Number() {
		return err
	}
	order, err := applet.StoredCrisisOrder(ctx)
	if err != nil {
		return ctx.Err()
	}
	c := crisis.Carried{Order: order}
	parsed, err := message.Parse[message.CrisisOrder](order)
	if err != nil {
		return nil // altered on its way, or made up
	}
	if kept.CrisisKey == nil || string(kept.CrisisKey.Holder) != string(parsed.CrisisKey) {
		if c.CrisisKey, err = applet.CrisisCertificate(ctx); err != nil {
			return ctx.Err()
		}
	}
	if err := t.TakeCrisis(ctx, c); !isRefusal(err) {
		return err
	}
	return nil
}
