package week

import (
	"context"
	"fmt"
	"sync"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/applet/client"
	"ekrona.example/host/audit"
	"ekrona.example/host/envelope"
	"ekrona.example/host/session"
)

// observe reads a person's card as its intermediary would, without changing it: the notary does not
// learn of the Challenge.
func (w *world) observe(ctx context.Context, p *person) (audit.Device, error) {
	defer p.card.Reset()
	applet := client.New(hold(p.card, tear{}))
	state, err := w.askState(ctx, applet, p)
	if err != nil {
		return audit.Device{}, err
	}
	records, err := applet.Records(ctx)
	if err != nil {
		return audit.Device{}, fmt.Errorf("reading the card of %s: %w", p.name, err)
	}
	return audit.Observed(session.Reading{State: state, Records: records})
}

// state is observe without the records: of thousands of cards they are most of what is read.
func (w *world) state(ctx context.Context, p *person) (*message.State, error) {
	defer p.card.Reset()
	encoded, err := w.askState(ctx, client.New(hold(p.card, tear{})), p)
	if err != nil {
		return nil, err
	}
	return message.Parse[message.State](encoded)
}

func (w *world) askState(ctx context.Context, applet *client.Client, p *person) ([]byte, error) {
	selected, err := applet.Select(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the card of %s: %w", p.name, err)
	}
	challenge, err := p.bank.challenge(p.device.ID, selected.Nonce)
	if err != nil {
		return nil, err
	}
	state, err := applet.GetState(ctx, challenge, p.bank.instruction.Encoded)
	if err != nil {
		return nil, fmt.Errorf("reading the card of %s: %w", p.name, err)
	}
	return state, nil
}

// observeMerchant reads a terminal.
func (w *world) observeMerchant(ctx context.Context, s *merchant) (audit.Device, error) {
	challenge, err := s.bank.challenge(s.ID(), message.Nonce{})
	if err != nil {
		return audit.Device{}, err
	}
	reading, err := s.Read(ctx, challenge,
		session.Trust{InstructionKey: s.bank.instruction.Encoded, Notary: w.notaryKey.Encoded})
	if err != nil {
		return audit.Device{}, fmt.Errorf("reading the terminal of %s: %w", s.name, err)
	}
	return audit.Observed(reading)
}

// challenge returns one that the notary has not opened; its random number is always the same.
func (b *bank) challenge(id message.DeviceID, nonce message.Nonce) ([]byte, error) {
	return envelope.Sign(&message.Challenge{
		InstructionKey: message.AuthorityRef(b.instruction.Certificate.Holder), Device: id,
		Nonce: nonce,
	}, b.instruction.Signer)
}

// ofAll reads something from all cards.
func ofAll[T any](
	ctx context.Context, w *world, read func(context.Context, *person) (T, error),
) ([]T, error) {
	all := make([]T, len(w.people))
	err := w.atOnce(ctx, len(w.people), func(_ *hand, number int) (err error) {
		all[number], err = read(context.WithoutCancel(ctx), w.people[number])
		return err
	})
	return all, err
}

// checkOwners checks that each owner knows what the card holds.
func (w *world) checkOwners(cards []*message.State) error {
	for number, p := range w.people {
		if holds := cards[number].Balance; holds != p.balance {
			return fmt.Errorf("%s believes to hold %s; the card holds %s", p.name, p.balance, holds)
		}
	}
	return nil
}

// honest are all cards and terminals for the auditor, each read when it is asked for: what they
// keep is not in memory at once.
type honest struct {
	ctx   context.Context // of the one audit
	w     *world
	ids   map[string]bool
	cards money.Ore // on all that were read
}

// honest returns the devices for the auditor.
func (w *world) honest(ctx context.Context) *honest {
	h := &honest{ctx: ctx, w: w, ids: map[string]bool{}}
	for _, p := range w.people {
		h.ids[string(p.device.ID)] = true
	}
	for _, s := range w.merchants {
		h.ids[string(s.ID())] = true
	}
	return h
}

// Has implements audit.Honest.
func (h *honest) Has(id string) bool { return h.ids[id] }

// Each implements audit.Honest. Devices are read on all workers; do is called for one at a time.
func (h *honest) Each(do func(id string, d audit.Device)) error {
	h.cards = 0
	var one sync.Mutex
	show := h.w.plan.counter("audit", len(h.ids))
	done := 0
	look := func(id message.DeviceID, d audit.Device) {
		one.Lock()
		defer one.Unlock()
		do(string(id), d)
		done++
		show(done)
	}
	people := len(h.w.people)
	return h.w.atOnce(h.ctx, people+len(h.w.merchants), func(_ *hand, n int) error {
		ctx := context.WithoutCancel(h.ctx)
		if n >= people {
			s := h.w.merchants[n-people]
			d, err := h.w.observeMerchant(ctx, s)
			if err == nil {
				look(s.ID(), d)
			}
			return err
		}
		p := h.w.people[n]
		d, err := h.w.observe(ctx, p)
		if err != nil {
			return err
		}
		look(p.device.ID, d)
		one.Lock()
		defer one.Unlock()
		h.cards += d.State.Balance
		return nil
	})
}
