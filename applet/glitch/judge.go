package glitch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/suite"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/fault"
	"ekrona.example/emulator/vm"
)

// judge is the oracle of one command of the suite in one state: it compares what a fault made of it
// with the state before and with the run without a fault.
type judge struct {
	asker asker
	known *suite.Knowledge
	e     *fault.Experiment

	views    map[uint64]view           // by the fingerprint of persistent memory
	sessions map[vm.Fingerprint]rights // what a session lets one do
	rest     *rest                     // of the case
	later    map[ending][]Gain         // what it gains
	secrets  [][]byte                  // nil until the first answer is looked at
	nonces   map[string]bool           // that the card has answered before
}

// rights are what the holder of a card can do in a session without more.
type rights struct {
	Verified bool // the PIN counts as verified
	Owner    bool // data of the owner can be read
	Again    bool // the command, given again, is carried out
}

// minSecret is how many bytes in a row of a secret count as having told it.
const minSecret = 8

func newJudge(
	ctx context.Context, e *fault.Experiment, known *suite.Knowledge, nonces map[string]bool,
	following []next,
) *judge {
	return &judge{
		asker: asker{ctx, e.Card, known, e.Command}, known: known, e: e,
		views: map[uint64]view{}, sessions: map[vm.Fingerprint]rights{}, nonces: nonces,
		rest: newRest(ctx, e, following), later: map[ending][]Gain{},
	}
}

// findSecrets keeps the content of keys and PINs, before the command and after it.
func (j *judge) findSecrets() error {
	here, err := j.e.Card.Snapshot()
	if err != nil {
		return err
	}
	for _, state := range []*card.Snapshot{j.e.Before, j.e.After} {
		if err := j.e.Card.RestoreSnapshot(state); err != nil {
			return err
		}
		j.noteSecrets()
	}
	return j.e.Card.RestoreSnapshot(here)
}

// noteSecrets keeps the content of keys and PINs.
func (j *judge) noteSecrets() {
	contents := map[vm.Ref][]byte{}
	var holders []vm.Object
	j.e.Card.Look(func(o vm.Object) {
		if o.Owner == 0 {
			return
		}
		contents[o.Ref] = o.Bytes
		if slices.Contains(secretClasses, o.Class) {
			o.Refs = slices.Clone(o.Refs)
			holders = append(holders, o)
		}
	})
	j.secrets = append(j.secrets, j.known.Token[:], j.known.PIN[:], j.known.PUK[:])
	if j.known.PairKey != nil {
		j.secrets = append(j.secrets, j.known.PairKey[:])
	}
	for _, h := range holders {
		for _, r := range h.Refs {
			if len(contents[r]) >= minSecret {
				j.secrets = append(j.secrets, bytes.Clone(contents[r]))
			}
		}
	}
}

var secretClasses = []string{"javacard/framework/OwnerPIN", "javacard/security/ECPrivateKey",
	"javacard/security/AESKey"}

// view is what the card holds that is in front of the judge, with persistent memory of that
// fingerprint.
func (j *judge) view(fp uint64) view {
	v, known := j.views[fp]
	if known {
		return v
	}
	c := j.e.Card
	here, err := c.Snapshot()
	if err != nil {
		c.Reset()
		if here, err = c.Snapshot(); err != nil {
			return view{}
		}
	}
	v = j.asker.look()
	_ = c.RestoreSnapshot(here) // it was taken of this card
	j.views[fp] = v
	return v
}

// viewOf is the view of one of the two states without a fault.
func (j *judge) viewOf(state *card.Snapshot, fp uint64) view {
	if v, known := j.views[fp]; known {
		return v
	}
	return in(j.e.Card, state, func() view { return j.view(fp) })
}

// in is what is found with the card in that state; it is left as it is now, if that can be kept.
func in[T any](c *card.Card, state *card.Snapshot, find func() T) T {
	here, err := c.Snapshot()
	_ = c.RestoreSnapshot(state) // it was taken of this card
	found := find()
	if err == nil {
		_ = c.RestoreSnapshot(here)
	}
	return found
}

func (j *judge) viewBefore() view { return j.viewOf(j.e.Before, j.e.HoldsBefore.Persistent) }
func (j *judge) viewAfter() view  { return j.viewOf(j.e.After, j.e.Held.Persistent) }

// rights are those of the session in front of the judge.
func (j *judge) rights(fp vm.Fingerprint) rights {
	if r, known := j.sessions[fp]; known {
		return r
	}
	c := j.e.Card
	here, err := c.Snapshot()
	if err != nil {
		return rights{} // cut off: there is no session
	}
	var r rights
	answer, ok := j.asker.send(verifyPlain)
	if ok && answer.SW == spec.SWLastChainedExpected { // it has ended the chain
		answer, ok = j.asker.send(verifyPlain)
	}
	r.Verified = ok && answer.SW == apdu.OK
	_, r.Owner = j.asker.succeeds(getBalance)
	_ = c.RestoreSnapshot(here)
	if !j.asker.command.IsChained() {
		answer, err := c.Transmit(j.asker.ctx, j.asker.command)
		r.Again = err == nil && answer.SW == apdu.OK
		_ = c.RestoreSnapshot(here)
	}
	j.sessions[fp] = r
	return r
}

func (j *judge) rightsOf(state *card.Snapshot, fp vm.Fingerprint) rights {
	if r, known := j.sessions[fp]; known {
		return r
	}
	return in(j.e.Card, state, func() rights { return j.rights(fp) })
}

// Verdict implements [Oracle].
func (j *judge) Verdict(response apdu.Response, err error) ([]Gain, error) {
	c := j.e.Card
	if failed := revive(c, err); failed != nil {
		return nil, failed
	}
	holds := c.Fingerprint()
	if holds == j.e.Held || holds == j.e.HoldsBefore {
		return j.verdict(response, err), nil
	}
	at := ending{fate{holds, err != nil}, err == nil && j.tellsRefusal(response)}
	if gains, known := j.later[at]; known {
		return append(j.verdict(response, err), gains...), nil
	}
	left, failed := c.Snapshot()
	if failed != nil { // a computation is in progress, and cannot be kept
		return j.verdict(response, err), nil
	}
	gains := j.verdict(response, err)
	if len(gains) > 0 {
		return gains, nil
	}
	if failed = c.RestoreSnapshot(left); failed != nil {
		return nil, failed
	}
	return j.playedOn(at)
}

// ending is how a command ended.
type ending struct {
	fate
	told bool // the paired phone was told, under the session's MAC, that it was refused
}

// tellsRefusal reports whether an answer is the paired phone's, and says that what it asked for was
// refused.
func (j *judge) tellsRefusal(r apdu.Response) bool {
	d := r.Data
	return isSecured(j.e.Command) && len(d) == refusedLength &&
		d[0] == byte(spec.TagProcessingStatus) && d[2] != byte(apdu.OK>>8)
}

// refusedLength is how long such an answer is: status and MAC, a data object each.
const refusedLength = 2 + 2 + 2 + spec.PINMACLength

// isSecured reports whether a command is under secure messaging.
func isSecured(c apdu.Command) bool { return c.CLA&spec.ClassSecured == spec.ClassSecured }

// revive resets a card that err says is mute or was pulled; any other error stays.
func revive(c *card.Card, err error) error {
	if errors.Is(err, card.ErrMute) || errors.Is(err, card.ErrPowerLost) {
		c.Reset()
		return nil
	}
	return err
}

// playedOn is what the commands gain that followed in the case: one is carried out that is refused
// without a fault. That the session of a phone goes on when the phone has been told of a refusal is
// no gain: it need not go on.
func (j *judge) playedOn(at ending) (gains []Gain, failed error) {
	replies := j.rest.after(at.holds, at.reset)
	for n, r := range replies {
		if at.told && isSecured(j.rest.commands[n].command) {
			continue
		}
		usual, err := j.rest.usually(n)
		if err != nil {
			return nil, err
		}
		if !r.isDone() || slices.ContainsFunc(usual, reply.isDone) {
			continue
		}
		alone, err := j.rest.alone(replies, n)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(alone, reply.isDone) {
			gains = append(gains, Gain{Later, fmt.Sprintf("%d commands on, %02X%02X is carried out",
				n+1, j.rest.commands[n].command.CLA, j.rest.commands[n].command.INS)})
		}
	}
	j.later[at] = gains
	return gains, nil
}

// PlayOn implements [Oracle].
func (j *judge) PlayOn(err error) ([]Following, error) { return j.rest.playOn(err) }

// MissCosts implements [Oracle].
func (j *judge) MissCosts() string {
	before, after := j.viewBefore(), j.viewAfter()
	switch {
	case after.PINTries < before.PINTries:
		return "a try of the PIN"
	case after.PUKTries < before.PUKTries:
		return "a try of the PUK"
	}
	return ""
}

func (j *judge) verdict(response apdu.Response, err error) []Gain {
	c := j.e.Card
	fp := c.Fingerprint()
	same := err == nil && fault.Same(response, j.e.Answer)
	if same && fp == j.e.Held {
		return nil
	}
	isBefore, isAfter := fp.Persistent == j.e.HoldsBefore.Persistent,
		fp.Persistent == j.e.Held.Persistent
	var gains []Gain
	if !isBefore && !isAfter {
		gains = gainsOf(j.view(fp.Persistent), j.viewBefore(), j.viewAfter())
	}
	if err != nil {
		return gains
	}
	if !same || !isAfter {
		gains = append(gains, j.answered(response, fp)...)
	}
	if isAfter && fp.Transient == j.e.Held.Transient ||
		isBefore && fp.Transient == j.e.HoldsBefore.Transient {
		return gains
	}
	if !isBefore && isAfter { // what cannot be seen may be as after, such as a verifier's key
		isBefore = reflect.DeepEqual(j.viewBefore(), j.viewAfter())
	}
	return append(gains, j.sessionGains(fp, isBefore, isAfter)...)
}

// sessionGains are rights in the session that neither state without a fault gives: of those that
// hold the same, if one does.
func (j *judge) sessionGains(fp vm.Fingerprint, isBefore, isAfter bool) []Gain {
	var allowed []rights
	if isBefore || !isAfter {
		allowed = append(allowed, j.rightsOf(j.e.Before, j.e.HoldsBefore))
	}
	if isAfter || !isBefore {
		allowed = append(allowed, j.rightsOf(j.e.After, j.e.Held))
	}
	now := j.rights(fp)
	has := func(of func(rights) bool) bool { return slices.ContainsFunc(allowed, of) }
	var gains []Gain
	if now.Verified && !has(func(r rights) bool { return r.Verified }) {
		gains = append(gains, Gain{Session, "the PIN counts as verified"})
	}
	if now.Owner && !has(func(r rights) bool { return r.Owner }) {
		gains = append(gains, Gain{Session, "data of the owner can be read"})
	}
	if now.Again && !has(func(r rights) bool { return r.Again }) {
		gains = append(gains, Gain{Session, "the command, given again, is carried out"})
	}
	return gains
}
