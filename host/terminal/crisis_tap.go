package terminal

import (
	"context"
	"errors"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/applet/client"
	"ekrona.example/host/crisis"
)

// AskWith is Ask with a card at hand that is held to the terminal: a terminal whose limits have no
// room for the sale first takes the card's crisis order, which may raise them. The card need not
// be the payer's. Errors: as Ask's, [*client.LinkLost].
func (t *Terminal) AskWith(ctx context.Context, amount money.Ore, tap apdu.Card) (Sale, error) {
	return t.AskNamed(ctx, amount, "", tap)
}

// AskNamed is AskWith for a sale with a name of the merchant's own, by which [Terminal.Named] finds
// it again. Errors also: [ErrNameTaken], [ErrNameLost].
func (t *Terminal) AskNamed(
	ctx context.Context, amount money.Ore, name string, tap apdu.Card,
) (Sale, error) {
	sale, err := t.ask(ctx, amount, name)
	if !isRaisable(err) {
		return sale, err
	}
	if learned, meeting := t.Meet(ctx, tap); meeting != nil || !learned {
		return Sale{}, errors.Join(err, meeting)
	}
	return t.ask(ctx, amount, name)
}

// isRaisable reports whether a crisis order may raise the limit by which a sale is refused.
func isRaisable(err error) bool {
	return errors.Is(err, ErrSyncFirst) || errors.Is(err, ErrTooMuch)
}

// Meet exchanges crisis orders with a card, without a sale and without its PIN: the newer one goes
// to the other. It reports whether the terminal has another order since. A cut leaves what was
// exchanged by then. Errors: [*client.LinkLost], [*client.Refusal] of SELECT.
func (t *Terminal) Meet(ctx context.Context, tap apdu.Card) (learned bool, err error) {
	applet := client.New(tap)
	applet.Links = t.links
	application, err := applet.Select(ctx)
	if err != nil {
		return false, err
	}
	if application, err = t.giveCrisis(ctx, applet, application); err != nil {
		return false, err
	}
	former, err := t.readCrisis(ctx, t.db)
	if err != nil {
		return false, err
	}
	if err := t.takeFromCard(ctx, applet, application); err != nil {
		return false, err
	}
	kept, err := t.readCrisis(ctx, t.db)
	return kept.Number() != former.Number(), err
}

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

// takeFromCard takes the crisis order of a card, if its number is higher than the terminal's. A
// card that is taken away meanwhile has paid all the same, and what a card cannot prove is not
// taken; both stop nothing.
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
