package week

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"ekrona.example/apdu/money"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	emulated "ekrona.example/emulator/card"
	"ekrona.example/host/banking"
	"ekrona.example/host/store"
	"ekrona.example/host/terminal"
	"ekrona.example/host/wallet"
	"ekrona.example/personalization"
	"ekrona.example/personalization/pki/keys"
)

// world is a scheme with its people and merchants.
type world struct {
	*scheme
	plan      Plan
	terms     terms
	district  *district
	dark      atomic.Bool // there is no network
	people    []*person
	merchants []*merchant
	hands     []*hand
	order     order // the crisis order, once it is signed
	watch     *watch
}

// hand plays one thing after the other, beside other hands.
type hand struct{ payer, payee *pocket }

// person is somebody with a card and a phone.
type person struct {
	name    string
	bank    *bank
	device  banking.Device
	app     *ecdsa.PrivateKey
	card    *emulated.Card
	journal journal       // of the phone
	random  *rand.ChaCha8 // of the phone
	balance money.Ore     // that the owner knows of
	spent   money.Ore     // since the network went
	most    extremes      // the same
	locked  bool          // the PIN is, until the owner is at home
	pin     pin.Block
	puk     pin.Block
}

// merchant is a merchant with a terminal.
type merchant struct {
	*terminal.Terminal
	signer   crypto.Signer // the terminal's key
	link     *terminalLink
	db       *sql.DB
	name     string
	bank     *bank
	receipts int       // since the network went
	taken    money.Ore // the same
	most     money.Ore // in one sale
}

// terminalLink is a terminal's way to its bank, which the morning after at the services changes.
type terminalLink struct{ banking.Terminal }

// spare is what customers have online beside what they load.
const spare = 500 * money.Krona

// foundWorld makes the scheme, all terminals, and all cards with the money on them.
func foundWorld(ctx context.Context, p Plan) (_ *world, err error) {
	w := &world{plan: p, district: newDistrict(p.Seed, p.Cards, p.Terminals),
		watch: newWatch()}
	if w.terms, err = p.Limits.terms(); err != nil {
		return nil, err
	}
	p.Liquidity.change(&w.terms)
	if w.scheme, err = foundScheme(ctx, p); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	for range max(1, p.Workers) {
		one := &hand{}
		for _, into := range []**pocket{&one.payer, &one.payee} {
			if *into, err = newPocket(ctx); err != nil {
				return nil, err
			}
			w.databases = append(w.databases, (*into).db)
		}
		w.hands = append(w.hands, one)
	}
	for number := range p.Terminals {
		if err := w.openMerchant(ctx, number); err != nil {
			return nil, fmt.Errorf("merchant %d: %w", number, err)
		}
	}
	w.people = make([]*person, p.Cards)
	return w, w.issueAll(ctx)
}

// issueAll issues and loads all cards. Those of one intermediary are issued in order; different
// ones issue at once.
func (w *world) issueAll(ctx context.Context) error {
	var done atomic.Int64
	show := w.plan.counter("issuing", len(w.people))
	return w.atOnce(ctx, len(w.banks), func(on *hand, bank int) error {
		for number := bank; number < len(w.people); number += len(w.banks) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := w.issue(context.WithoutCancel(ctx), on, number); err != nil {
				return fmt.Errorf("card %d: %w", number, err)
			}
			show(int(done.Add(1)))
		}
		return nil
	})
}

// atOnce calls do with the numbers below n, each once, on the workers.
func (w *world) atOnce(ctx context.Context, n int, do func(on *hand, number int) error) error {
	var next atomic.Int64
	failed := make([]error, len(w.hands))
	var all sync.WaitGroup
	for i, on := range w.hands {
		all.Go(func() {
			for failed[i] == nil && ctx.Err() == nil {
				number := int(next.Add(1)) - 1
				if number >= n {
					return
				}
				failed[i] = do(on, number)
			}
		})
	}
	all.Wait()
	if err := ctx.Err(); err != nil { // what else failed, failed by it
		return err
	}
	return errors.Join(failed...)
}

// DefaultWorkers is how many things are played at once unless the plan says it.
func DefaultWorkers() int { return runtime.GOMAXPROCS(0) }

func (w *world) openMerchant(ctx context.Context, number int) error {
	b := w.banks[number%len(w.banks)]
	s := &merchant{name: fmt.Sprintf("merchant%04d", number), bank: b}
	app, err := keys.Generate(source(w.seed, "app of merchant", number))
	if err != nil {
		return err
	}
	if err := b.AddCustomer(ctx, banking.Customer{ID: s.name, Name: s.name,
		App: &app.PublicKey}); err != nil {
		return err
	}
	own, err := w.identity(string(banking.DeviceIDOf(b.name, banking.KindTerminal, number+1)),
		spec.RoleTerminal, deviceDays, &b.ca)
	if err != nil {
		return err
	}
	if err := b.AddDevice(ctx, banking.Device{ID: own.Certificate.Device(), Customer: s.name,
		Certificate: own.Encoded, Policy: w.terms.terminal}); err != nil {
		return err
	}
	s.signer, s.link = own.Signer, &terminalLink{w.link(b)}
	schema, err := terminal.Schema()
	if err != nil {
		return err
	}
	if s.db, err = w.open(ctx, store.Memory, schema); err != nil {
		return err
	}
	config := terminal.Config{DB: s.db, Clock: w.clock, Random: source(w.seed, "terminal", number),
		Signer: own.Signer, Certificate: own.Encoded, CA: b.ca.Encoded, Root: w.root.Encoded,
		Authorities: w.authorities(), Notary: w.notaryKey.Encoded, Policy: w.terms.terminal,
		Link: s.link}
	if _, err := source(w.seed, "journal key", number).Read(config.JournalKey[:]); err != nil {
		return err
	}
	if s.Terminal, err = terminal.New(ctx, config); err != nil {
		return err
	}
	w.merchants = append(w.merchants, s)
	return nil
}

// issue makes a person's card, phone and online wallet, and loads the card.
func (w *world) issue(ctx context.Context, on *hand, number int) error {
	b := w.banks[number%len(w.banks)]
	p := &person{name: fmt.Sprintf("person%06d", number), bank: b,
		random: source(w.seed, "phone", number)}
	var err error
	if p.app, err = keys.Generate(source(w.seed, "app", number)); err != nil {
		return err
	}
	digits := draws(w.seed, "letter", number)
	if p.pin, err = pin.NewBlock(fmt.Sprintf("%06d", digits.IntN(1_000_000))); err != nil {
		return err
	}
	if p.puk, err = pin.NewPUKBlock(fmt.Sprintf("%08d", digits.IntN(100_000_000))); err != nil {
		return err
	}
	load := w.firstLoad(number)
	if err := errors.Join(
		b.AddCustomer(ctx, banking.Customer{ID: p.name, Name: p.name, App: &p.app.PublicKey}),
		b.Deposit(ctx, "first of "+p.name, p.name, load+spare),
	); err != nil {
		return err
	}
	order, err := personalization.NewOrder(
		banking.DeviceIDOf(b.name, banking.KindCard, number+1), p.name, w.today(),
		source(w.seed, "order", number))
	if err != nil {
		return err
	}
	order.Limits = w.terms.card
	order.Batch = banking.DeviceIDOf(b.name, banking.KindBatch, 1)
	if p.card, err = w.install(number, order); err != nil {
		return err
	}
	issuer := personalization.Issuer{CA: b.ca, Batches: b, Root: w.root.Encoded,
		InstructionKey: b.instruction.Encoded, Notary: w.notaryKey.Encoded, Registry: b,
		Random: source(w.seed, "issuer", number), Effective: w.today(),
		Expiry: w.today().AddDays(deviceDays)}
	if p.device, err = issuer.Personalize(ctx, hold(p.card, tear{}), order,
		personalization.Secrets{PIN: p.pin, PUK: p.puk}); err != nil {
		return err
	}
	w.people[number] = p
	return on.payer.use(ctx, w, p, func(phone *wallet.Wallet) error {
		tap := wallet.Tap{Card: hold(p.card, tear{}), PIN: p.pin}
		if load > 0 {
			result, err := phone.Load(ctx, tap, load)
			p.gets(result.Credited)
			if err != nil {
				return err
			}
		}
		return phone.Pair(ctx, tap)
	})
}

// firstLoad is what a person's card holds when the network goes.
func (w *world) firstLoad(number int) money.Ore {
	if w.plan.holds != nil {
		return w.plan.holds[number]
	}
	return firstLoad(number, w.terms.load)
}

// link returns the network between a phone or terminal and its intermediary.
func (w *world) link(b *bank) link { return link{b, &w.dark, w.watch} }

// install puts the applet onto a blank card.
func (w *world) install(
	number int, order personalization.Order,
) (*emulated.Card, error) {
	c, err := emulated.New(emulated.Options{Profile: emulated.P71,
		Random: source(w.seed, "card", number)})
	if err != nil {
		return nil, err
	}
	if _, err := c.Load(applet.CAP); err != nil {
		return nil, err
	}
	parameters, err := order.InstallParameters(w.root.Certificate)
	if err != nil {
		return nil, err
	}
	_, err = c.Install(emulated.AID(spec.AppletAID), emulated.AID(spec.AppletAID), parameters)
	return c, err
}
