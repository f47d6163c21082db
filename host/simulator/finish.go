package simulator

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"ekrona.example/apdu/money"
	"ekrona.example/host/ledger"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// agreementNumber is that of the invariant that holds when the faults have stopped
// (protocol §8, 10).
const agreementNumber = 10

// finish stops the faults and has everyone synchronise twice; then all must agree, and every card
// must still work.
func (w *world) finish() *Failure {
	w.note("\nThe faults stop, and everyone synchronises twice.")
	w.random.begin(-1)
	w.calm()
	if err := w.liftLimits(); err != nil {
		return partyFailure("%v", err)
	}
	if f := w.mustFinishIssuing(); f != nil {
		return f
	}
	if err := errors.Join(w.giveTries(), w.cure()); err != nil {
		return partyFailure("%v", err)
	}
	if f := w.mustRefund(); f != nil {
		return f
	}
	if f := w.mustRegister(); f != nil {
		return f
	}
	if f := w.mustResume(); f != nil {
		return f
	}
	if err := w.endLost(); err != nil {
		return partyFailure("%v", err)
	}
	behind, err := w.staleCards()
	if err != nil {
		return partyFailure("%v", err)
	}
	for round := 1; round <= 2; round++ {
		if f := w.synchroniseAll(round); f != nil {
			return f
		}
	}
	if f := w.agree(); f != nil {
		return f
	}
	if f := w.mustBeCured(); f != nil {
		return f
	}
	if f := w.assertClonesEnded(behind); f != nil {
		return f
	}
	w.note("\nEveryone who holds money pays a coin, and synchronises.")
	if f := w.mustStayLive(); f != nil {
		return f
	}
	if f := w.synchroniseAll(3); f != nil {
		return f
	}
	return w.agree()
}

// liftLimits has the central bank issue more, so that no claim waits for lack of money, and the
// intermediaries unblock their terminals, so that these can sell.
func (w *world) liftLimits() error {
	for _, b := range w.banks {
		if err := w.central.Issue(w.ctx, notary.OrderKey("last of "+b.name), b.name,
			issued); err != nil {
			return err
		}
	}
	for _, t := range w.terminals {
		if err := t.bank.Block(w.ctx, t.ID(), false); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) synchroniseAll(round int) *Failure {
	for _, p := range w.people {
		for which := range p.cards {
			if f := w.mustSynchronise(p, which, round); f != nil {
				return f
			}
		}
	}
	for _, t := range w.terminals {
		w.note("      the %s's terminal synchronises", t.merchant)
		if f := w.mustSynchroniseTerminal(t); f != nil {
			return f
		}
	}
	return w.check()
}

// giveTries has the intermediaries restore the PIN tries where none is left.
func (w *world) giveTries() error {
	for _, p := range w.people {
		if p.copied || p.gone {
			continue
		}
		left, err := w.tries(p, 0) // a paired phone reads the card without them
		if err != nil {
			return err
		}
		if left > 0 {
			continue
		}
		if err := p.bank.ResetTries(w.ctx, p.device.ID); err != nil {
			w.noteError(err)
		}
	}
	return nil
}

func (w *world) mustSynchronise(p *person, which, round int) *Failure {
	w.note("      %s synchronises", p.name)
	err := w.synchronise(p, which)
	w.noteError(err)
	if err == nil || p.copied || p.gone || w.hasEnded(string(p.device.ID)) {
		return nil
	}
	return failed(agreementNumber, "a card cannot synchronise",
		fmt.Sprintf("round %d: %s's card cannot synchronise: %v", round, p.name, err))
}

func (w *world) mustSynchroniseTerminal(t *merchantTerminal) *Failure {
	if err := w.synchroniseTerminal(t); err != nil && !t.setBack && !w.hasEnded(string(t.ID())) {
		return failed(agreementNumber, "a terminal cannot synchronise",
			fmt.Sprintf("the %s's terminal cannot synchronise: %v", t.merchant, err))
	}
	return nil
}

func (w *world) hasEnded(device string) bool {
	var status int
	found, err := store.Get(w.ctx, w.centralDB, store.Into{&status},
		"SELECT status FROM device WHERE id = $1", device)
	return err == nil && found && notary.Status(status) == notary.Ended
}

// agree checks that nothing is left to settle between the parties: cards and central bank, and
// central bank and intermediaries.
func (w *world) agree() *Failure {
	if err := w.auditor.CheckMissed(w.ctx, w.centralDB); err != nil {
		return partyFailure("%v", err)
	}
	for _, b := range w.banks {
		if err := b.PullStatement(w.ctx); err != nil {
			return partyFailure("%s: %v", b.name, err)
		}
	}
	for _, p := range w.people {
		if _, err := p.bank.OnlineBalance(w.ctx, p.name); err != nil {
			return partyFailure("%s's online wallet: %v", p.name, err)
		}
	}
	honest, err := w.honestDevices()
	if err != nil {
		return partyFailure("an honest device cannot be read: %v", err)
	}
	violations, err := w.auditor.Agreement(w.ctx, w.centralDB, honest)
	if err != nil {
		return partyFailure("audit: %v", err)
	}
	rows, err := w.auditor.Rows(w.ctx, w.centralDB)
	if err != nil {
		return partyFailure("audit: %v", err)
	}
	violations = append(violations, rows...)
	f := failed(agreementNumber, "card, central bank and intermediary do not agree")
	if len(violations) > 0 {
		f = failure(violations)
	}
	differing, err := w.checkContraAccounts()
	if err != nil {
		return partyFailure("%v", err)
	}
	if f.What = append(f.What, differing...); len(f.What) > 0 {
		return f
	}
	return nil
}

// checkContraAccounts compares each intermediary's contra account with what the central bank holds
// for it: online, and in the shadow wallets of its devices.
func (w *world) checkContraAccounts() (differing []string, err error) {
	books, err := notary.AllBalances(w.ctx, w.central)
	if err != nil {
		return nil, err
	}
	for _, b := range w.banks {
		var held money.Ore
		for _, a := range slices.Concat(books.Online, books.Shadow) {
			if strings.HasPrefix(a.Name, string(b.name)) {
				held += a.Balance
			}
		}
		believed, err := ledger.Balance(w.ctx, b.db, ledger.Account{Kind: ledger.CentralBankContra})
		if err != nil {
			return nil, fmt.Errorf("%s's ledger: %w", b.name, err)
		}
		if believed != -held {
			differing = append(differing,
				fmt.Sprintf("%s believes that the central bank holds %s for it; it holds %s",
					b.name, -believed, held))
		}
		transit, err := ledger.Balance(w.ctx, b.db, ledger.Account{Kind: ledger.Transit})
		if err != nil {
			return nil, fmt.Errorf("%s's ledger: %w", b.name, err)
		}
		if transit != 0 {
			differing = append(differing,
				fmt.Sprintf("%s holds %s for load orders that nothing becomes of", b.name, transit))
		}
	}
	return differing, nil
}

// staleCards returns the cards that were set back, or copied and not used since, and whose State is
// behind what the notary knows. One that is gone has no State.
func (w *world) staleCards() (ids []string, err error) {
	for _, p := range w.people {
		if !p.copied || p.gone {
			continue
		}
		for which := range p.cards {
			d, err := w.observe(p, which)
			if err != nil {
				return nil, fmt.Errorf("%s's card cannot be read: %w", p.name, err)
			}
			var records, instructions, requests uint32
			err = store.Must(w.ctx, w.centralDB, store.Into{&records, &instructions, &requests},
				`SELECT
				(SELECT coalesce(max(seq), 0) FROM record WHERE device = $1),
				(SELECT coalesce(max(seq), 0) FROM instruction WHERE device = $1 AND outcome <> 0),
				(SELECT coalesce(max(request), 0) FROM payment WHERE payee = $1 AND
				requested)`, p.device.ID)
			if err != nil {
				return nil, err
			}
			if d.State.ATC < records || d.State.InstructionSequence < instructions ||
				d.State.RequestCounter < requests {
				ids = append(ids, string(p.device.ID))
			}
		}
	}
	return ids, nil
}

// assertClonesEnded checks that every device whose key has signed conflicting messages, and every
// one whose State was behind what the notary knew, has ended as a clone with the evidence, and that
// no honest one has. It counts them.
func (w *world) assertClonesEnded(behind []string) *Failure {
	reported, err := w.reportedClones()
	if err != nil {
		return partyFailure("evidence: %v", err)
	}
	twice, err := w.auditor.Clones(w.ctx, w.centralDB)
	if err != nil {
		return partyFailure("audit: %v", err)
	}
	f := failed(agreementNumber, "the wrong ones are reported")
	for _, id := range append(twice, behind...) {
		if !slices.Contains(reported, id) || !w.hasEnded(id) {
			f.What = append(f.What, id+" is a clone, by two messages of one number or a State "+
				"behind what is known, and has not ended with the evidence")
		}
	}
	for _, id := range reported {
		if !w.isSuspect(id) {
			f.What = append(f.What, id+" is honest and is reported as a clone")
		}
	}
	w.clonesEnded = len(reported)
	w.note("\nclones convicted: %v", reported)
	if len(f.What) > 0 {
		return f
	}
	return nil
}

// isSuspect reports whether a card was copied or rolled back, or a terminal set back.
func (w *world) isSuspect(id string) bool {
	return slices.ContainsFunc(w.people, func(p *person) bool {
		return string(p.device.ID) == id &&
			p.copied
	}) ||
		slices.ContainsFunc(w.terminals,
			func(t *merchantTerminal) bool { return string(t.ID()) == id && t.setBack })
}

// reportedClones returns the devices that the evidence reports as clones.
func (w *world) reportedClones() ([]string, error) {
	return store.Column[string](w.ctx, w.centralDB,
		"SELECT DISTINCT device FROM evidence WHERE clone ORDER BY device")
}
