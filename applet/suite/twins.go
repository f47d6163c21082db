package suite

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"

	"ekrona/apdu"
	"ekrona/apdu/message"
	"ekrona/apdu/spec"
)

// Twins leads one card on two targets through the same random lives and compares
// every answer: commands of the spec's grammar with fields that are valid, nearly
// valid or wild, from installation on. What cards draw themselves, and what follows
// from it, is compared by where it comes again (see twin_compare.go). Whatever they
// say must be readable for hosts.
type Twins struct {
	targets [2]Target
	world   *country

	Commands int            // compared
	Statuses map[string]int // commands by status word
	Faults   map[string]int // answers set aside, by the known fault of the second target
}

// NewTwins compares the second target, whose faults are known, with the first.
func NewTwins(first, second Target) *Twins {
	return &Twins{targets: [2]Target{first, second}, Statuses: map[string]int{}, Faults: map[string]int{}}
}

// Live leads the cards through the life of that seed, for at most so many commands.
// The seed chooses commands and fields; keys and other secrets are new each time. The
// error tells of the first difference, with the commands that led to it.
func (w *Twins) Live(ctx context.Context, seed uint64, steps int) error {
	t := &twins{Twins: w, random: rand.New(rand.NewPCG(seed, 0)), pin: ownPIN, puk: ownPUK, symbols: [2]symbols{{}, {}}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if broken := recover(); broken != nil {
				t.fail("broke off: %v", broken)
			}
		}()
		t.begin(ctx)
		for n := 0; n < steps && !t.over; n++ {
			t.step()
		}
	}()
	<-done
	for side, c := range t.cases {
		if c != nil && len(c.failures) > 0 {
			t.difference = append(t.difference, fmt.Sprintf("side %d: %s", side, strings.Join(c.failures, "\n")))
		}
	}
	if len(t.difference) == 0 {
		return nil
	}
	tail := t.story[max(0, len(t.story)-12):]
	return fmt.Errorf("life %d, after %d commands: %s\n%s", seed, len(t.story), strings.Join(t.difference, "\n"), strings.Join(tail, "\n"))
}

// twins are one life.
type twins struct {
	*Twins
	random   *rand.Rand
	cases    [2]*caseRun
	cards    [2]*subject
	symbols  [2]symbols
	extended bool // how long data go

	pin, puk   string // digits that the cards want
	devices    []*device
	asked      []offer // PAYs, to be sent again
	taken      []offer // ACCEPTs, to be sent again
	instructed []offer

	story      []string
	difference []string
	over       bool
}

// sides are the two in order.
var sides = []int{0, 1}

// offer is a command to both cards.
type offer struct {
	variant spec.Variant
	data    [2][]byte
	// done, unless it is nil, enters what an unaltered command did to one side.
	done func(side int, answer []byte)
}

// same is an offer of the same data to both.
func same(v spec.Variant, data ...[]byte) offer {
	whole := slices.Concat(data...)
	return offer{variant: v, data: [2][]byte{whole, whole}}
}

func (t *twins) fail(format string, args ...any) {
	t.difference = append(t.difference, fmt.Sprintf(format, args...))
	t.over = true
}

// begin installs the applet on both.
func (t *twins) begin(ctx context.Context) {
	for side, target := range t.targets {
		t.cases[side] = &caseRun{ctx: ctx, target: target, coverage: newCoverage(), stop: runtime.Goexit}
	}
	if t.world == nil {
		t.world = t.cases[0].newCountry()
	}
	var parameters message.InstallParameters
	role := spec.RoleCard
	if t.one(8) {
		role = spec.RoleSAM
	}
	for side, c := range t.cases {
		c.world = t.world
		t.cards[side] = c.install(func(p *message.InstallParameters) {
			if side == 0 {
				p.Role = role
				p.Ceilings.MaxBalance = min(p.Ceilings.MaxBalance, t.amount())
				p.Ceilings.MaxTransactions -= byte(t.random.IntN(2))
				parameters = *p
			}
			*p = parameters
		})
	}
	t.extended = t.one(2)
	for _, role := range []spec.Role{spec.RoleTerminal, spec.RoleCard, spec.RoleDesk, spec.RoleSAM} {
		for _, bank := range []*intermediary{t.world.own, t.world.foreign} {
			t.devices = append(t.devices, t.cases[0].device(bank, role))
		}
	}
	if !t.one(6) { // most lives begin with a card that works
		for _, o := range t.personalization() {
			t.tell(o())
		}
		t.tell(t.instructionOf(func(i *message.Instruction) { i.Credit = 50_000 }))
	}
}

// one is true once in n.
func (t *twins) one(n int) bool { return t.random.IntN(n) == 0 }

// step offers one random command, or takes the power away.
func (t *twins) step() {
	if t.one(25) {
		t.note("reset")
		for side, target := range t.targets {
			t.cases[side].must(target.Reset(t.cases[side].ctx))
		}
		t.tell(same(spec.Select.Only(), []byte(spec.AppletAID)))
		return
	}
	o := t.draw()
	switch t.random.IntN(10) {
	case 0, 1:
		t.tellAltered(o)
	case 2:
		if t.one(3) {
			t.tellWild()
			return
		}
		t.tell(o)
	default:
		t.tell(o)
	}
}

func (t *twins) note(format string, args ...any) {
	t.story = append(t.story, fmt.Sprintf(format, args...))
}

// tell sends an offer as it is.
func (t *twins) tell(o offer) {
	var commands [2]apdu.Command
	for side := range sides {
		commands[side] = o.variant.APDU(o.data[side])
	}
	answers := t.exchange(commands, true)
	if t.over || answers[0].SW != apdu.OK || o.done == nil {
		return
	}
	for side := range sides {
		o.done(side, answers[side].Data)
	}
}

// tellAltered sends it with a field altered, the same way to both.
func (t *twins) tellAltered(o offer) {
	commands := [2]apdu.Command{o.variant.APDU(o.data[0]), o.variant.APDU(o.data[1])}
	alter := t.alteration(len(commands[0].Data))
	for side := range sides {
		commands[side].Data = slices.Clone(commands[side].Data)
		alter(&commands[side])
	}
	whole := !t.one(3)
	answers := t.exchange(commands, whole)
	if !t.over && (answers[0].SW == apdu.OK || answers[0].SW&0xFF00 == spec.SWMoreData) {
		t.over = changes[o.variant.Command] // what it did is not in the books
	}
}

// changes are the commands whose success changes what the books hold.
var changes = map[*spec.Command]bool{
	spec.GenerateKeyPair: true, spec.PutData: true, spec.Activate: true, spec.RequestPayment: true, spec.Pay: true, spec.Accept: true,
	spec.Refuse: true, spec.Instruct: true, spec.ChangeReferenceData: true, spec.ResetRetryCounter: true,
}

// tellWild sends an APDU of no grammar.
func (t *twins) tellWild() {
	c := apdu.Command{
		CLA: []byte{0x00, 0x80, 0x10, 0x90, byte(t.random.Uint32())}[t.random.IntN(5)], INS: byte(t.random.Uint32()),
		P1: byte(t.random.Uint32()), P2: byte(t.random.Uint32()), Data: t.bytes(t.random.IntN(40)), Ne: t.random.IntN(257),
	}
	t.exchange([2]apdu.Command{c, c}, false)
}

// exchange sends a command to each side and compares the answers. whole commands go
// in as many APDUs as they need.
func (t *twins) exchange(commands [2]apdu.Command, whole bool) (answers [2]apdu.Response) {
	t.note("%s %s", header(commands[0]), hex.EncodeToString(commands[0].Data))
	var errs [2]error
	for side := range sides {
		card := t.cards[side].raw
		if whole {
			card = apdu.Framing{Card: card, ExtendedLength: t.extended}
		}
		answers[side], errs[side] = card.Transmit(t.cases[side].ctx, commands[side])
	}
	t.Commands++
	if errs[0] != nil || errs[1] != nil {
		t.fail("errors: %v and %v", errs[0], errs[1])
		return answers
	}
	t.story[len(t.story)-1] += " -> " + spec.StatusName(answers[0].SW)
	for side, c := range t.cases {
		if len(c.failures) > 0 {
			t.fail("side %d: %s", side, strings.Join(c.failures, "\n"))
			c.failures = nil
			return answers
		}
	}
	t.Statuses[fmt.Sprintf("%04X", uint16(answers[0].SW))]++
	if difference := t.compare(commands[0], answers); difference != "" {
		if fault := knownFault(commands[0], answers); fault != "" {
			t.Faults[fault]++
			t.over = true // the cards are no longer twins
			return answers
		}
		t.fail("%s", difference)
	}
	if err := readable(commands[0], answers[0]); err != nil {
		t.fail("%v", err)
	}
	return answers
}
