package suite

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pairing"
	"ekrona.example/apdu/spec"
)

// Differential takes one card on two targets through the same random lives and compares
// every answer: commands of the spec's grammar with fields that are valid, nearly valid or
// wild, from installation on. Values that the cards draw, and values derived from them, are
// compared by where they recur (see differential_compare.go). Hosts must be able to parse
// every answer.
type Differential struct {
	targets [2]Target
	world   *cardScheme
	// laterCrisis is the crisis key after the world's.
	laterCrisis *party

	Commands int            // compared
	Secured  int            // of them, under secure messaging: what was secured is compared
	Statuses map[string]int // commands by status word
	Drawn    map[string]int // whole commands of the spec, by name
	Faults   map[string]int // answers set aside, by the known fault of the second target
}

// NewDifferential compares the second target, whose faults are known, with the first.
func NewDifferential(first, second Target) *Differential {
	return &Differential{targets: [2]Target{first, second}, Statuses: map[string]int{},
		Drawn: map[string]int{}, Faults: map[string]int{}}
}

// Run takes the cards through the life of that seed, for at most so many commands. The
// seed chooses commands and fields; keys and other secrets are new each time. The error
// describes the first difference, with the commands that led to it.
func (w *Differential) Run(ctx context.Context, seed uint64, steps int) error {
	t := &differential{Differential: w, random: rand.New(rand.NewPCG(seed, 0)), pin: ownPIN,
		puk: ownPUK, symbols: [2]symbols{{}, {}}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if broken := recover(); broken != nil {
				t.fail("broke off: %v", broken)
			}
		}()
		t.begin(ctx)
		for n := 0; n < steps && !t.ended; n++ {
			t.step()
		}
	}()
	<-done
	for side, c := range t.cases {
		if c != nil && len(c.failures) > 0 {
			t.difference = append(t.difference,
				fmt.Sprintf("side %d: %s", side, strings.Join(c.failures, "\n")))
		}
	}
	if len(t.difference) == 0 {
		return nil
	}
	tail := t.commands[max(0, len(t.commands)-12):]
	return fmt.Errorf("life %d, after %d commands: %s\n%s", seed, len(t.commands),
		strings.Join(t.difference, "\n"), strings.Join(tail, "\n"))
}

// differential are one life.
type differential struct {
	*Differential
	random   *rand.Rand
	cases    [2]*caseRun
	cards    [2]*subject
	symbols  [2]symbols
	extended bool // how long data go

	pin, puk   string // digits that the cards accept
	devices    []*device
	payments   []drawnCommand // PAYs, to be sent again
	accepts    []drawnCommand // ACCEPTs, to be sent again
	instructed []drawnCommand
	orders     []drawnCommand // CRISIS ORDERs, to be given again

	phones   [2]*phone           // whose PAIR was sent last
	channels [2]*pairing.Channel // of secure messaging, while it is open

	commands   []string
	sent       []apdu.Command // since the reset
	difference []string
	ended      bool
}

// sides are the two in order.
var sides = []int{0, 1}

// drawnCommand is a command to both cards.
type drawnCommand struct {
	variant spec.Variant
	data    [2][]byte
	// done, unless it is nil, enters what an unaltered command did to one side.
	done func(side int, answer []byte)
}

// same is a drawn command of the same data to both.
func same(v spec.Variant, data ...[]byte) drawnCommand {
	whole := slices.Concat(data...)
	return drawnCommand{variant: v, data: [2][]byte{whole, whole}}
}

func (t *differential) fail(format string, args ...any) {
	t.difference = append(t.difference, fmt.Sprintf(format, args...))
	t.ended = true
}

// begin installs the applet on both.
func (t *differential) begin(ctx context.Context) {
	for side, target := range t.targets {
		t.cases[side] = &caseRun{ctx: ctx, target: target, coverage: newCoverage(),
			stop: runtime.Goexit}
	}
	if t.world == nil {
		t.world = t.cases[0].newCardScheme()
		t.laterCrisis = t.cases[0].certify(t.world.root, entry{holder: "SECRISIS00002",
			role: spec.RoleCrisisKey, to: farOff.AddDays(1)})
	}
	var parameters message.InstallParameters
	role := spec.RoleCard
	if t.oneIn(8) {
		role = spec.RoleSAM
	}
	for side, c := range t.cases {
		c.world = t.world
		t.cards[side] = c.install(func(p *message.InstallParameters) {
			if side == 0 {
				p.Role = role
				p.Ceilings.MaxBalance = min(p.Ceilings.MaxBalance, t.amount())
				p.Ceilings.MaxTransactions -= uint16(t.random.IntN(2))
				p.Slots += uint8(t.random.IntN(3))
				parameters = *p
			}
			*p = parameters
		})
	}
	t.extended = t.oneIn(2)
	for _, role := range []spec.Role{spec.RoleTerminal, spec.RoleCard, spec.RoleDesk,
		spec.RoleSAM} {
		for _, bank := range []*intermediary{t.world.own, t.world.foreign} {
			t.devices = append(t.devices, t.cases[0].device(bank, role))
		}
	}
	if !t.oneIn(6) { // most lives begin with a card that works
		for _, o := range t.personalization() {
			t.send(o())
		}
		t.send(t.instructionOf(func(i *message.Instruction) { i.Credit = 50_000 }))
	}
}

// oneIn is true once in n.
func (t *differential) oneIn(n int) bool { return t.random.IntN(n) == 0 }

// step offers one random command, or takes the power away.
func (t *differential) step() {
	if t.oneIn(25) {
		t.note("reset")
		t.sent = nil
		for side, target := range t.targets {
			t.cases[side].must(target.Reset(t.cases[side].ctx))
		}
		t.send(same(spec.Select.Only(), []byte(spec.AppletAID)))
		return
	}
	if t.cards[0].model != nil && t.oneIn(12) {
		t.secure()
		return
	}
	o := t.draw()
	switch t.random.IntN(10) {
	case 0, 1:
		t.sendAltered(o)
	case 2:
		if t.oneIn(3) {
			t.sendUngrammatical()
			return
		}
		t.send(o)
	default:
		t.send(o)
	}
}

func (t *differential) note(format string, args ...any) {
	t.commands = append(t.commands, fmt.Sprintf(format, args...))
}

// send sends a drawn command as it is.
func (t *differential) send(o drawnCommand) {
	t.Drawn[o.variant.Command.Name]++
	var commands [2]apdu.Command
	for side := range sides {
		commands[side] = o.variant.APDU(o.data[side])
	}
	answers := t.exchange(commands, true)
	if t.ended || answers[0].SW != apdu.OK || o.done == nil {
		return
	}
	for side := range sides {
		o.done(side, answers[side].Data)
	}
}

// sendAltered sends it with a field altered, the same way to both.
func (t *differential) sendAltered(o drawnCommand) {
	commands := [2]apdu.Command{o.variant.APDU(o.data[0]), o.variant.APDU(o.data[1])}
	alter := t.alteration(len(commands[0].Data))
	for side := range sides {
		commands[side].Data = slices.Clone(commands[side].Data)
		alter(&commands[side])
	}
	whole := !t.oneIn(3)
	answers := t.exchange(commands, whole)
	if !t.ended && (answers[0].SW == apdu.OK || answers[0].SW&0xFF00 == spec.SWMoreData) {
		t.ended = changes[o.variant.Command] // the model does not have what it did
	}
}

// changes are the commands whose success changes the model.
var changes = map[*spec.Command]bool{
	spec.GenerateKeyPair: true, spec.PutData: true, spec.Activate: true, spec.RequestPayment: true,
	spec.Pay: true, spec.Accept: true,
	spec.Refuse: true, spec.TakeCrisisOrder: true, spec.Instruct: true,
	spec.ChangeReferenceData: true,
	spec.ResetRetryCounter:   true,
}

// sendUngrammatical sends an APDU of no grammar.
func (t *differential) sendUngrammatical() {
	c := apdu.Command{
		CLA: []byte{0x00, 0x80, 0x10, 0x90, byte(t.random.Uint32())}[t.random.IntN(5)],
		INS: byte(t.random.Uint32()),
		P1:  byte(t.random.Uint32()), P2: byte(t.random.Uint32()), Data: t.bytes(t.random.IntN(40)),
		Ne: t.random.IntN(257),
	}
	t.exchange([2]apdu.Command{c, c}, false)
}

// exchange sends a command to each side and compares the answers. whole commands go
// in as many APDUs as they need, unless their class has no mark for the parts.
func (t *differential) exchange(commands [2]apdu.Command, whole bool) (answers [2]apdu.Response) {
	t.note("%s %s", header(commands[0]), hex.EncodeToString(commands[0].Data))
	t.channels = [2]*pairing.Channel{} // a command in clear ends secure messaging
	_, hasParts := commands[0].AsPart()
	whole = whole && hasParts
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
	t.commands[len(t.commands)-1] += " -> " + spec.StatusName(answers[0].SW)
	for side, c := range t.cases {
		if len(c.failures) > 0 {
			t.fail("side %d: %s", side, strings.Join(c.failures, "\n"))
			c.failures = nil
			return answers
		}
	}
	t.Statuses[fmt.Sprintf("%04X", uint16(answers[0].SW))]++
	if difference := t.compare(commands[0], answers); difference != "" {
		if fault := knownFault(t.sent, commands[0], answers); fault != "" {
			t.Faults[fault]++
			t.ended = true // the cards are no longer alike
			return answers
		}
		t.fail("%s", difference)
	}
	t.sent = append(t.sent, commands[0])
	if err := readable(commands[0], answers[0]); err != nil {
		t.fail("%v", err)
	}
	return answers
}
