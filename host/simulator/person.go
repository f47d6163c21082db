package simulator

import (
	"context"
	"crypto/ecdsa"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"ekrona.example/apdu"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
	"ekrona.example/apdu/trace"
	"ekrona.example/applet"
	"ekrona.example/applet/vocabulary"
	emulated "ekrona.example/emulator/card"
	"ekrona.example/host/audit"
	"ekrona.example/host/banking"
	"ekrona.example/host/wallet"
	"ekrona.example/personalization"
)

// person is a customer with a phone and a card, or several copies of it.
type person struct {
	name          string
	bank          *bank
	order         personalization.Order
	device        banking.Device
	phone         *wallet.Wallet
	journal       *sql.DB
	blank         []byte // the journal of a phone that was never used
	backup        []byte // the last copy of the phone's
	app           *ecdsa.PrivateKey
	registeredApp *ecdsa.PrivateKey   // app key that the bank has registered
	former        []*ecdsa.PrivateKey // app keys of phones that others have now
	cards         []*emulated.Card    // the card; with copies when it was copied
	slot          *slot               // the reader field where one of them was last
	copied        bool                // from then on the card is not trusted
	gone          bool                // no card of the person is ever held to a reader again
	image         string              // file of a copy, to roll the card back to
	// the phone may have what alone proves a Payment that the card accepted
	holdsProof bool
	answers    map[byte][][]byte // of the card, by instruction byte, the latest of each
	seen       *audit.Device     // what the card holds, until it may have changed
	sent       sentMessages
	funding    map[string]bool // records of others that came beside Payments
}

const (
	rightPIN = "123456"
	rightPUK = "87654321"
)

func (w *world) addPerson(name string, b *bank, number int) error {
	p, err := w.orderCard(name, b, number)
	if err != nil {
		return err
	}
	if err := errors.Join(w.personalize(p), w.givePhone(p)); err != nil {
		return err
	}
	if err := w.withTap(p, Step{}, func(tap wallet.Tap) error {
		_, err := p.phone.Load(w.ctx, tap, firstLoad)
		return err
	}); err != nil || !w.scenario.Paired {
		return err
	}
	return w.withTap(p, Step{}, func(tap wallet.Tap) error { return p.phone.Pair(w.ctx, tap) })
}

// install puts the applet onto a blank card.
func (w *world) install(holder string, order personalization.Order) (*emulated.Card, error) {
	c, err := emulated.New(w.cardOptions(holder))
	if err != nil {
		return nil, err
	}
	file := w.options.CAP
	if file == nil {
		file = applet.CAP
	}
	if _, err := c.Load(file); err != nil {
		return nil, err
	}
	parameters, err := order.InstallParameters(w.root.Certificate)
	if err != nil {
		return nil, err
	}
	_, err = c.Install(emulated.AID(spec.AppletAID), emulated.AID(spec.AppletAID), parameters)
	return c, err
}

func (w *world) cardOptions(holder string) emulated.Options {
	return emulated.Options{Profile: emulated.P71, Random: w.random.of("card of " + holder)}
}

// errGone says that the card left the reader's field.
var errGone = errors.New("the card left the field")

// reader holds one of a person's cards to a reader, with the faults of the step.
func (w *world) reader(p *person, which int) apdu.Card {
	c := p.cards[which%len(p.cards)]
	c.Reset()
	if p.slot != nil {
		p.slot.gone = true
	}
	p.slot = &slot{w: w, holder: p, card: c, gone: p.gone}
	return apdu.Framing{Card: p.slot, ExtendedLength: true}
}

// tap returns a card at its owner's phone, with its PIN.
func (w *world) tap(p *person, which int) (wallet.Tap, error) {
	entered, err := pin.NewBlock(rightPIN)
	return wallet.Tap{Card: w.reader(p, which), PIN: entered}, err
}

// slot is a card in a reader's field, until it leaves it.
type slot struct {
	w      *world
	holder *person
	card   *emulated.Card
	gone   bool
	opened openedCard // what the reader can do
}

var _ apdu.Card = (*slot)(nil)

// Transmit sends a command to the card, under the faults.
func (s *slot) Transmit(_ context.Context, c apdu.Command) (apdu.Response, error) {
	raw, err := c.Bytes()
	if err != nil {
		return apdu.Response{}, err
	}
	w := s.w
	if s.gone {
		return apdu.Response{}, errGone
	}
	w.plan.exchanges++
	w.apdus++
	now := w.plan.exchanges
	w.recordCommand(raw)
	if _, lost := w.due(LoseCommand, now); lost {
		s.gone = true
		return apdu.Response{}, errGone
	}
	if f, altered := w.due(AlterCommand, now); altered {
		raw = flip(raw, f.Salt)
	}
	if w.answersForCard(c.INS) {
		return apdu.Response{SW: apdu.OK}, nil
	}
	raw = s.otherCommand(c.INS, raw)
	answer, err := s.send(raw)
	if w.options.Trace != nil {
		w.trace(s.holder.name, c, answer, err)
	}
	if err != nil {
		s.gone = true
		return apdu.Response{}, err
	}
	answer = s.otherAnswer(c.INS, answer)
	if _, torn := w.due(TearAnswer, now); torn {
		s.gone = true
		return apdu.Response{}, errGone
	}
	if f, altered := w.due(AlterAnswer, now); altered {
		answer = flip(answer, f.Salt)
	}
	if s.holder.bank != nil {
		s.opened.hear(s.holder.bank.batch.private, c, answer)
	}
	var sealed []byte
	if c.INS == spec.Pay.INS {
		sealed, _ = s.opened.payment(answer)
	}
	if sealed != nil || tlv.NewReader(answer).At(spec.TagPayment) {
		w.plan.forgeable++
		f, forged := w.due(ForgeAnswer, w.plan.forgeable)
		switch {
		case forged && sealed != nil:
			answer = s.opened.forged(answer, f.Salt)
		case forged:
			answer = forge(answer, f.Salt)
		}
	}
	if len(answer) < 2 {
		return apdu.Response{}, errGone
	}
	return apdu.ParseResponse(answer)
}

// forge changes the content of the message in an answer.
func forge(answer []byte, salt int) []byte {
	const status = 2 // bytes of the status word
	at := len(answer) - status
	return slices.Concat(forgeContent(answer[:at], salt), answer[at:])
}

// send gives the card the bytes, and cuts the power at the planned write.
func (s *slot) send(raw []byte) ([]byte, error) {
	w := s.w
	planned := 0
	for _, f := range w.plan.faults {
		if f.Kind == CutPower && f.At > w.plan.writes && (planned == 0 || f.At < planned) {
			planned = f.At
		}
	}
	s.card.CutBefore(max(0, planned-w.plan.writes))
	answer, err := s.card.TransmitBytes(raw)
	writes := s.card.LastCommand().Writes
	w.plan.writes += writes
	if writes > 0 || err != nil {
		s.holder.seen = nil
	}
	if errors.Is(err, emulated.ErrPowerLost) {
		w.due(CutPower, planned)
	} else if err != nil {
		w.failure = errors.Join(w.failure, fmt.Errorf("%s's card: %w", s.holder.name, err))
	}
	w.digest.Write(raw)
	w.digest.Write(answer)
	if len(answer) > 2 {
		s.holder.sent.record(s.holder.device.ID, answer[:len(answer)-2])
	}
	return answer, err
}

func (w *world) trace(holder string, c apdu.Command, answer []byte, err error) {
	decoder := vocabulary.Decoder()
	decoded := trace.Exchange{Command: decoder.Command(c)}
	if response, unreadable := apdu.ParseResponse(answer); err == nil && unreadable == nil {
		decoded.Response = decoder.Response(c, response)
	}
	for line := range linesOf(w.options.Trace.Exchange(decoded)) {
		w.note("            %s's card  %s", holder, line)
	}
}

// maxSeenCommands bounds what is stored for later replay.
const maxSeenCommands = 400

func (w *world) recordCommand(raw []byte) {
	if len(w.seenCommands) < maxSeenCommands {
		w.seenCommands = append(w.seenCommands, raw)
		return
	}
	w.seenCommands[w.apdus%maxSeenCommands] = raw
}

// copyCard writes an image of the person's card to a file and makes a card of it.
func (w *world) copyCard(p *person) (*emulated.Card, string, error) {
	if w.folder == "" {
		folder, err := os.MkdirTemp("", "ekrona-lab-")
		if err != nil {
			return nil, "", err
		}
		w.folder = folder
	}
	path := filepath.Join(w.folder, p.name)
	p.cards[0].Reset()
	if err := p.cards[0].Save(path); err != nil {
		return nil, "", err
	}
	c, err := emulated.Restore(w.cardOptions(p.name), path)
	return c, path, err
}

func (w *world) removeImages() error {
	if w.folder == "" {
		return nil
	}
	return os.RemoveAll(w.folder)
}

// randomBytes returns bytes for random commands and messages.
func (w *world) randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = io.ReadFull(w.random.of("wild"), b) // ChaCha8 never fails
	return b
}
