package demo

import (
	"fmt"
	"io"
	"strings"
	"time"

	"ekrona.example/apdu"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/trace"
	"ekrona.example/applet/vocabulary"
	"ekrona.example/emulator/card"
	"ekrona.example/host/notary"
	"ekrona.example/host/progress"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/session"
)

// printer prints the demo: who, and what.
type printer struct {
	out   io.Writer
	show  progress.Show // receives the demo too, besides out
	trace *trace.Text   // nil shows no exchanges
	err   error         // the first that out gave

	last card.Stats // of the tap in progress
}

// nameWidth is the length of the longest party name.
const nameWidth = 15

func (t *printer) line(format string, arguments ...any) {
	if _, err := fmt.Fprintf(t.out, format+"\n", arguments...); t.err == nil {
		t.err = err
	}
}

func (t *printer) heading(title string) {
	t.show.Emit(progress.Event{Kind: progress.Chapter, Text: title})
	t.line("\n%s\n%s", title, strings.Repeat("-", len(title)))
}

func (t *printer) event(party, format string, arguments ...any) {
	text := fmt.Sprintf(format, arguments...)
	t.show.Emit(progress.Event{Kind: progress.Acted, Who: party, Text: text})
	t.line("%-*s  %s", nameWidth, party, text)
}

func title(name string) string {
	if name == "" {
		return name
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// tap starts the counters of one tap.
func (t *printer) tap() { t.last = card.Stats{} }

// onExchange receives every exchange with a card.
func (t *printer) onExchange(e apdu.Exchange, stats card.Stats) {
	t.last = t.last.Add(stats)
	if t.trace == nil || e.Carried {
		return
	}
	for line := range strings.Lines(t.trace.Exchange(vocabulary.Decoder().Exchange(e))) {
		t.line("    %s's card  %s", e.Label, strings.TrimRight(line, "\n"))
	}
}

// cost prints what the tap would have taken on a real card.
func (t *printer) cost(what string) {
	link := card.Links()[0]
	estimate, err := card.Estimate(t.last, link)
	if err != nil {
		t.line("%*s  (no estimate for %s: %v)", nameWidth, "", what, err)
		return
	}
	ms := func(d time.Duration) int64 { return d.Round(time.Millisecond).Milliseconds() }
	t.line("%*s  (%s on a P71 over %s: about %d ms; %d of it signatures and hashes, %d writes, "+
		"%d bytecodes, %d the wire)", nameWidth, "",
		what, link.Name, ms(estimate.Of()), ms(estimate.Of(card.CostCrypto)),
		ms(estimate.Of(card.CostWrites)),
		ms(estimate.Of(card.CostBytecode)), ms(estimate.Of(card.CostWire)))
}

func (t *printer) synchronised(device string, r session.Result) {
	text := "synchronises"
	switch {
	case r.Instructions == 0:
		text += ": nothing was owed"
	default:
		text += fmt.Sprintf(": %d Instruction(s) applied", r.Instructions)
	}
	if r.State != nil {
		text += fmt.Sprintf("; %d of %d records acknowledged", r.State.AckedATC, r.State.ATC)
	}
	for _, waiting := range r.Unanswered {
		text += fmt.Sprintf("; %v", waiting)
	}
	if r.Difference != 0 {
		text += fmt.Sprintf("; its balance is off by %s", r.Difference)
	}
	t.event(device, "%s", text)
}

// lastRecord bounds the search for a card's payments.
const lastRecord = 64

// decided is a payment about which the notary decided something.
type decided struct {
	payer string
	notary.PaymentStatus
}

// newVerdicts returns what the notary decided since the last time.
func (s *scenario) newVerdicts() (all []decided, err error) {
	if s.seen == nil {
		s.seen = map[string]notary.Verdict{}
	}
	centralBank, err := s.sandbox.CentralBank(s.ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range s.people() {
		for atc := uint32(1); atc <= lastRecord; atc++ {
			status, err := centralBank.Payment(s.ctx, p.Phone.Device(), atc)
			if err != nil {
				return nil, err
			}
			key := fmt.Sprintf("%s/%d", p.Name, atc)
			if status.Verdict == s.seen[key] {
				continue
			}
			s.seen[key] = status.Verdict
			all = append(all, decided{title(p.Name), status})
		}
	}
	return all, nil
}

// verdicts prints what the notary decided since the last time.
func (s *scenario) verdicts() error {
	holders := map[string]string{string(s.cafe.Terminal.ID()): "the " + s.cafe.Name}
	for _, p := range s.people() {
		holders[string(p.Phone.Device())] = title(p.Name)
	}
	all, err := s.newVerdicts()
	for _, d := range all {
		s.print.event("Notary", "%s -> %s, %s: %s", d.payer, holders[string(d.Payee)], d.Amount,
			meaning(d.Verdict))
	}
	return err
}

// meaning returns a verdict in words.
func meaning(v notary.Verdict) string {
	switch v {
	case notary.Reserved:
		return "reserved; it is for the payee's device to accept or refuse"
	case notary.Waiting:
		return "waiting until the payer's shadow wallet covers it; nobody is blocked"
	case notary.Settled:
		return "settled"
	case notary.Void:
		return "void; back in the payer's online wallet"
	case notary.Uncovered:
		return "settled, but not from the payer's shadow wallet"
	default:
		return v.String()
	}
}

// WriteBooks writes the books of a sandbox.
func WriteBooks(out io.Writer, b sandbox.Books) error {
	t := &printer{out: out}
	return t.books(b)
}

// statusMarks are what is written behind a card that is not in use.
var statusMarks = map[string]string{
	notary.Reported.String(): "  reported lost or replaced",
	notary.Ended.String():    "  ended",
	sandbox.NotRegistered:    "  not registered",
}

func orUnknown(amount *money.Ore) string {
	if amount == nil {
		return "not known"
	}
	return amount.String()
}

// person writes a person's wallets: a row, and one more for each further card.
func (t *printer) person(p sandbox.PersonBooks) {
	name, bank, online := p.Name, p.Bank, orUnknown(p.Online)
	if len(p.Cards) == 0 {
		t.line("%-10s %-12s %14s %14s %14s", name, bank, online, "", "no card")
	}
	for _, c := range p.Cards {
		offline := "not asked"
		if c.Unread || c.Offline != nil {
			offline = orUnknown(c.Offline)
		}
		row := fmt.Sprintf("%-10s %-12s %14s %14s %14s", name, bank, online, c.Shadow, offline)
		status := statusMarks[c.Status]
		if len(p.Cards) > 1 || status != "" {
			row += "  " + string(c.Device) + status
		}
		t.line("%s", row)
		name, bank, online = "", "", ""
	}
}

func (t *printer) books(b sandbox.Books) error {
	t.heading("The books")
	t.line("%-10s %-12s %14s %14s %14s", "", "", "online", "shadow", "offline")
	for _, p := range b.People {
		t.person(p)
	}
	for _, m := range b.Merchants {
		t.line("%-10s %-12s %14s %14s %14s", m.Name, m.Bank, orUnknown(m.Online), "",
			orUnknown(m.Taken)+" *")
	}
	for _, a := range b.Others {
		t.line("%-10s %-12s %14s %14s %14s", "", a.Name, "", a.Balance, "not asked")
	}
	t.line("* all that the terminal ever took\n")
	for _, why := range b.Unknown {
		t.line("not known  %s", why)
	}
	if b.Unfounded {
		t.line("the founding of this sandbox has not ended: \"ekrona sandbox found\" " +
			"goes on with it")
	}
	online, shadow := b.Online(), b.Shadow()
	t.line("issued %s = online %s + shadow %s + pool %s", b.Settlement.Issued, online, shadow,
		b.Settlement.Pool)
	for _, v := range b.Violations {
		t.line("VIOLATED  %s", v)
	}
	if len(b.Violations) == 0 {
		t.line("every invariant of the protocol holds:")
		for _, i := range b.Checked {
			t.line("  %2d  %s", i.Number, i.Title)
		}
	}
	return t.err
}
