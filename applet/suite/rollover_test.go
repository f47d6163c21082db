package suite

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/emulator/card"
)

// TestOutstandingInstructionSurvivesRollovers: whatever becomes of root, notary and
// instruction key, and whatever strangers present, a card applies the Instruction that is
// outstanding, whose body names its keys for ever, when it is given the certificates of
// those; and no former key instructs it. Any presentation, and the Instruction, may be torn.
func TestOutstandingInstructionSurvivesRollovers(t *testing.T) {
	target := NewEmulator(card.P71)
	rapid.Check(t, func(rt *rapid.T) {
		c := &caseRun{ctx: t.Context(), target: target, coverage: newCoverage()}
		c.stop = func() { rt.Fatal(strings.Join(c.failures, "\n")) }
		c.world = c.newCardScheme()
		r := newRollover(c, rt)
		for range rapid.IntRange(1, 30).Draw(rt, "length") {
			r.step()
		}
		r.apply()
		if len(c.failures) > 0 {
			c.stop()
		}
	})
}

// signer is an authority with its certificates, each by another root, and the number of
// the last of those.
type signer struct {
	*party
	role  spec.Role
	by    []*party
	roots int
}

// rollover is the life of one card in a scheme whose keys change.
type rollover struct {
	*caseRun
	rt             *rapid.T
	s              *subject
	roots, links   []*party
	keys, notaries []*signer
	// What is outstanding is signed by these.
	key, notary *signer
	outstanding *message.Instruction
	encoded     []byte
	applied     *signer // the instruction key of the last one that was applied
}

func newRollover(c *caseRun, rt *rapid.T) *rollover {
	r := &rollover{caseRun: c, rt: rt, s: c.loaded(1000), roots: []*party{c.world.root}}
	r.keys = []*signer{{r.s.bank.instructionKey, spec.RoleInstructionKey,
		[]*party{r.s.bank.instructionKey}, 1}}
	r.notaries = []*signer{{c.world.notary, spec.RoleNotary, []*party{c.world.notary}, 1}}
	r.applied = r.keys[0]
	return r
}

func last[T any](of []T) T { return of[len(of)-1] }

func (r *rollover) step() {
	actions := map[string]func(){
		"next root":            r.nextRoot,
		"next instruction key": func() { r.nextKey(&r.keys, string(r.s.bank.ca.name())) },
		"next notary":          func() { r.nextKey(&r.notaries, "SENOTARY") },
		"order":                r.order,
		"apply":                r.apply,
		"stranger":             r.stranger,
		"thief":                r.thief,
	}
	names := []string{"next root", "next instruction key", "next notary", "order", "apply",
		"stranger", "stranger", "stranger", "thief"}
	actions[rapid.SampledFrom(names).Draw(r.rt, "action")]()
}

// nextRoot is certified by the current one, and certifies again the newest keys and those
// that an outstanding Instruction names: the rule for whoever keeps the root.
func (r *rollover) nextRoot() {
	if len(r.roots) == 9 {
		return
	}
	next := r.selfSigned(fmt.Sprintf("SERIKSBK%05d", len(r.roots)+1))
	r.links = append(r.links, r.certify(last(r.roots), entry{
		holder: string(next.certificate.Holder), role: spec.RoleRoot, key: &next.key.PublicKey}))
	r.roots = append(r.roots, next)
	for _, s := range []*signer{last(r.keys), last(r.notaries), r.key, r.notary} {
		if s != nil && s.roots < len(r.roots) {
			s.by = append(s.by, r.certify(next, entry{holder: string(s.certificate.Holder),
				role: s.role, key: &s.key.PublicKey}))
			s.roots = len(r.roots)
		}
	}
}

func (r *rollover) nextKey(of *[]*signer, name string) {
	role := (*of)[0].role
	p := r.certify(last(r.roots),
		entry{holder: fmt.Sprintf("%s%05d", name, len(*of)+1), role: role})
	*of = append(*of, &signer{p, role, []*party{p}, len(r.roots)})
}

// order makes the next Instruction, signed by the newest keys.
func (r *rollover) order() {
	if r.outstanding != nil {
		return
	}
	r.key, r.notary = last(r.keys), last(r.notaries)
	r.outstanding = r.s.next()
	r.outstanding.Credit = 1
	r.encoded = r.s.signBy(r.outstanding, r.key.party, r.notary.party)
}

// present gives the card a certificate in a session, which may be torn, and does not
// care for the answer.
func (r *rollover) present(p *party) {
	writes := 0
	cut := rapid.IntRange(0, 4).Draw(r.rt, "cut before write")
	_, err := r.s.cutting(r.target.(Cutter), cut, &writes).Transmit(r.ctx,
		spec.VerifyCertificate.Only().APDU(p.encoded))
	if err != nil || rapid.Bool().Draw(r.rt, "leaves") {
		r.s.newTap()
	}
}

// stranger presents genuine certificates, old and new, in any order.
func (r *rollover) stranger() {
	all := append([]*party{r.world.foreign.ca, r.world.own.ca}, r.links...)
	for _, s := range append(append([]*signer{}, r.keys...), r.notaries...) {
		all = append(all, s.by...)
	}
	for range rapid.IntRange(1, 4).Draw(r.rt, "presentations") {
		r.present(all[rapid.IntRange(0, len(all)-1).Draw(r.rt, "certificate")])
	}
}

// introduced gives a command as a phone does: when the card does not know the signers it
// gets every link and their newest certificates, and the command again.
func (r *rollover) introduced(send func() apdu.Response, signers ...*signer) apdu.Response {
	answer := send()
	if answer.SW != spec.SWReferenceUnknown {
		return answer
	}
	for _, link := range r.links {
		r.s.exchange(spec.VerifyCertificate.Only(), link.encoded)
	}
	for _, s := range signers {
		r.s.exchange(spec.VerifyCertificate.Only(), last(s.by).encoded)
	}
	return send()
}

// state opens the session to Instructions, by the key given.
func (r *rollover) state(key *signer) apdu.StatusWord {
	ch := r.s.challengeOf(r.s.selectApplet().Nonce)
	ch.InstructionKey = key.reference()
	r.must(message.Sign(ch, key.key))
	encoded := r.encode(ch)
	return r.introduced(func() apdu.Response {
		return r.s.exchange(spec.GetState.Only(), encoded)
	}, key).SW
}

// instruct gives the outstanding Instruction.
func (r *rollover) instruct(card apdu.Card) (answer apdu.Response, err error) {
	answer = r.introduced(func() apdu.Response {
		var sent apdu.Response
		sent, err = card.Transmit(r.ctx, spec.Instruct.Only().APDU(r.encoded))
		return sent
	}, r.key, r.notary)
	return answer, err
}

// apply gives the card the outstanding Instruction, torn first perhaps.
func (r *rollover) apply() {
	if r.outstanding == nil {
		return
	}
	require.EqualValues(r, apdu.OK, r.state(r.key), "the State to the outstanding one's key")
	writes := 0
	cut := rapid.IntRange(0, 6).Draw(r.rt, "cut before write")
	answer, err := r.instruct(r.s.cutting(r.target.(Cutter), cut, &writes))
	if err != nil {
		r.s.newTap()
		require.EqualValues(r, apdu.OK, r.state(r.key), "the State after a cut")
		answer, err = r.instruct(r.s.card)
		r.must(err)
	}
	r.mustAnswer(answer)
	r.s.enterInstruction(r.outstanding, answer.Data)
	r.applied = r.key
	r.key, r.notary, r.outstanding = nil, nil, nil
}

// thief has every key that only a former root has certified, with all certificates of it,
// and reads no State by it once the card knows the current root: in the session in which
// somebody presents the links, or in one after it.
func (r *rollover) thief() {
	for _, old := range r.keys {
		if old.roots == len(r.roots) || old == r.applied {
			continue
		}
		ch := r.s.challengeOf(r.s.selectApplet().Nonce)
		ch.InstructionKey = old.reference()
		r.must(message.Sign(ch, old.key))
		for _, certificate := range append(old.by, r.links...) {
			r.s.exchange(spec.VerifyCertificate.Only(), certificate.encoded)
		}
		require.EqualValues(r, spec.SWReferenceUnknown,
			r.s.exchange(spec.GetState.Only(), r.encode(ch)).SW, "a former key is taken")
		require.NotEqualValues(r, apdu.OK, r.state(old), "a former key is taken")
	}
}
