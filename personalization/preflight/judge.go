package preflight

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/apdu/spec"
)

// Mark is what a finding means for the applet.
type Mark string

// The marks. Only Stop prevents the applet.
const (
	Fine    Mark = "ok"
	Note    Mark = "note"
	Unknown Mark = "?"
	Stop    Mark = "NO"
	Fact    Mark = "" // neither here nor there
)

// Finding is one line of the report.
type Finding struct {
	Mark    Mark   `json:"mark"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	Do      string `json:"do,omitempty"` // what to do about it
}

func (r *Report) find(mark Mark, subject, text, do string) {
	r.Findings = append(r.Findings, Finding{mark, subject, text, do})
}

// judge draws the findings from what the card reported.
func (r *Report) judge(o Options) {
	r.judgeATR()
	if r.Domain == nil {
		r.find(Stop, "card manager", "none answers ("+r.NotReported["card manager"]+")",
			"take a Java Card with GlobalPlatform, or see whether it is in the reader the "+
				"right way")
	} else {
		r.judgeDomain()
		r.judgeProduct()
		r.judgePlatform(o)
		r.judgeChannel(o)
		r.judgeKeys(o)
		r.judgeMemory(o)
		if o.forApplet() {
			r.judgeCurve()
		}
	}
	if o.forApplet() {
		r.judgeApplet()
	}
	for _, known := range r.Known {
		r.find(Note, "known of others", known.Sign+": "+known.Cause+" ("+known.Source+")",
			known.Cure)
	}
	r.Able = !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Mark == Stop })
}

func (r *Report) judgeATR() {
	switch {
	case len(r.ATR) == 0:
		r.find(Unknown, "ATR", "not given by the reader", "")
		return
	case r.reset == nil:
		r.find(Note, "ATR", r.ATR.String()+": "+r.NotReported["ATR"],
			"clean the contacts if the card misbehaves")
		return
	}
	var protocols []string
	for _, t := range r.reset.Protocols() {
		protocols = append(protocols, fmt.Sprintf("T=%d", t))
	}
	text := r.ATR.String() + ", " + strings.Join(protocols, " and ")
	if fi, di, ok := r.reset.Speed(); ok {
		text += fmt.Sprintf(", up to %d bit in %d clock cycles", di, fi)
	}
	if r.reset.ExtendedLength() {
		text += ", extended length"
	}
	r.find(Fact, "ATR", text, "")
}

func (r *Report) judgeDomain() {
	text := fmt.Sprintf("%v, %d bytes a command", r.Domain.AID, r.Domain.MaxData)
	if r.Domain.Locked {
		r.find(Stop, "card manager", text+"; the card is locked (CARD_LOCKED)",
			"unlock it with its keys: ekrona issue unlock")
		return
	}
	r.find(Fine, "card manager", text, "")
}

func (r *Report) judgeProduct() {
	p := r.Production
	if p == nil {
		r.unreported("chip", "production data")
		return
	}
	text := fmt.Sprintf("maker %s, type %s, system %s", p.Fabricator, p.Chip, p.System)
	if p.Product != "" {
		text = p.Product + " (" + text + ")"
	}
	text += fmt.Sprintf("; serial %s, batch %s", p.Serial, p.Batch)
	if p.Made != "" {
		text += ", made " + p.Made
	}
	r.find(Fact, "chip", text, "")
	if r.Platform != nil {
		r.find(Fact, "platform",
			fmt.Sprintf("%s, ROM %v, patch %v, configuration %v", r.Platform.Platform,
				r.Platform.ROM, r.Platform.Patch, r.Platform.Configuration), "")
	}
}

func (r *Report) judgePlatform(o Options) {
	if r.Data == nil {
		r.unreported("Java Card", "card data")
		return
	}
	if r.Data.Version == "" {
		r.find(Unknown, "GlobalPlatform", "version not reported", "")
	} else {
		r.find(Fact, "GlobalPlatform", r.Data.Version, "")
	}
	major, _, _ := strings.Cut(r.Data.JavaCard, ".")
	needed := "; the applet needs " + o.Need.Platform
	if !o.forApplet() {
		needed = ""
	}
	n, err := strconv.Atoi(major)
	switch {
	case err != nil:
		r.find(Unknown, "Java Card", "version not reported"+needed, "")
	case n < 3 && o.forApplet():
		r.find(Stop, "Java Card", r.Data.JavaCard+needed, "take a newer product")
	default:
		r.find(Fine, "Java Card", r.Data.JavaCard+", according to its card data"+needed, "")
	}
}

// channels are those that card data and capabilities name.
func (r *Report) channels() []gpc.SecureChannel {
	var all []gpc.SecureChannel
	if r.Data != nil {
		all = append(all, r.Data.Channels...)
	}
	if r.Capability != nil {
		all = append(all, r.Capability.Channels...)
	}
	if r.Offer != nil {
		all = append(all, r.Offer.Channel)
	}
	return all
}

const askForSCP03 = "have its supplier put AES keys for SCP03 on it, or order the product with " +
	"SCP03"

func (r *Report) judgeChannel(o Options) {
	all := r.channels()
	var names []string
	best, hasSCP03 := scp03.Plain, false
	for _, channel := range all {
		if name := channel.String(); !slices.Contains(names, name) {
			names = append(names, name)
		}
		if channel.Protocol == scp03.Protocol {
			best, hasSCP03 = max(best, scp03.Strongest(channel.I)), true
		}
	}
	switch {
	case len(all) == 0:
		r.unreported("secure channel", "card data")
	case !hasSCP03 && !o.forApplet():
		r.find(Fact, "secure channel", strings.Join(names, ", "), "")
	case !hasSCP03:
		r.find(Stop, "secure channel", strings.Join(names, ", ")+"; this program needs SCP03",
			askForSCP03)
	default:
		r.find(Fine, "secure channel", strings.Join(names, ", ")+"; at most "+best.String(), "")
	}
	switch reason := r.NotReported["INITIALIZE UPDATE"]; {
	case reason == "":
	case r.notBegun:
		r.find(Stop, "INITIALIZE UPDATE",
			reason+": the card opens no secure channel now; wrong keys may have been tried on it",
			"take its power away, wait a minute and look again; if it refuses again, set it "+
				"aside and ask its supplier")
	default:
		r.find(Stop, "INITIALIZE UPDATE", reason, askForSCP03)
	}
}

func (r *Report) judgeKeys(o Options) {
	if r.Keys == nil {
		r.unreported("keys", "keys")
		return
	}
	var versions []byte
	for _, k := range r.Keys {
		if !slices.Contains(versions, k.Version) {
			versions = append(versions, k.Version)
		}
	}
	usable := false
	for _, version := range versions {
		text, aes := r.keySet(version)
		usable = usable || aes
		switch version {
		case gpc.InitialKeySet:
			text += "; initial keys, which the supplier names"
		case o.FinalVersion:
			text += "; put there at an issuing, or its supplier's: that shows when it is opened"
		}
		r.find(Fact, fmt.Sprintf("keys %02X", version), text, "")
	}
	if !usable && o.forApplet() {
		r.find(Stop, "keys", "no set of three AES keys", askForSCP03)
	}
	if slices.Contains(versions, gpc.InitialKeySet) && slices.Contains(versions, o.FinalVersion) {
		r.find(Stop, "keys", "the initial keys are still there beside the new ones",
			"delete them for good, with the new ones: ekrona issue delete --key-version FF")
	}
	if r.Offer != nil {
		r.find(Fact, "key set in use",
			fmt.Sprintf("%02X, by INITIALIZE UPDATE", r.Offer.KeyVersion), "")
	}
	if r.Diversification != nil {
		r.find(Fact, "keys made from", r.Diversification.String(), "")
	}
}

// keySet describes the keys of a version, and reports whether they are three AES keys
// of one length.
func (r *Report) keySet(version byte) (text string, aes bool) {
	ids, names := map[byte]int{}, []string{}
	for _, k := range r.Keys {
		if k.Version != version {
			continue
		}
		if k.Type == gpc.KeyTypeAES {
			ids[k.ID] = k.Length
		}
		name := gpc.KeyTypeName(k.Type, k.Length)
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	first, n := ids[gpc.FirstKeyID], 0
	for id := range byte(gpc.KeysOfSet) {
		if first > 0 && ids[gpc.FirstKeyID+id] == first {
			n++
		}
	}
	return strings.Join(names, ", "), n == gpc.KeysOfSet
}

func (r *Report) judgeMemory(o Options) {
	if r.Resources == nil {
		r.unreported("free memory", "free memory")
		return
	}
	free := r.Resources
	text := fmt.Sprintf("%d bytes, %d transient", free.Persistent, free.Transient)
	if !o.forApplet() {
		r.find(Fact, "free memory", text, "")
		return
	}
	text += fmt.Sprintf("; the applet takes about %d and %d, with %d slots", o.Need.Persistent,
		o.Need.Transient, o.Need.Slots)
	if r.isLoaded() {
		r.find(Fact, "free memory", text+" and is on the card", "")
		return
	}
	if int(free.Persistent) < o.Need.Persistent || int(free.Transient) < o.Need.Transient {
		advice := "delete what is on it: ekrona issue content shows that; or take a larger product"
		if most := o.Need.SlotsIn(int(free.Persistent)); most > 0 &&
			int(free.Transient) >= o.Need.Transient {
			advice += fmt.Sprintf("; or have it keep fewer records: --slots %d at most", most)
		}
		r.find(Stop, "free memory", text, advice)
		return
	}
	r.find(Fine, "free memory", text, "")
}

// judgeCurve finds what can be known of P-256 without keys: products without elliptic
// curves are sold under the names of those with.
func (r *Report) judgeCurve() {
	const subject = "P-256"
	switch {
	case r.isLoaded():
		r.find(Fine, subject, "the applet is installed and has found it", "")
	case r.Capability != nil && r.Capability.ECDSAP256:
		r.find(Fine, subject, "the card manager verifies signatures over it, so the card has it; "+
			"that applets may use it shows at INSTALL", "")
	default:
		r.find(Unknown, subject,
			"no card reports it for its applets; a card without P-256 refuses INSTALL, which "+
				"does no harm", "")
	}
}

func (r *Report) isLoaded() bool { return r.Applet != nil && r.Applet.State != "" }

// AppletSubject is the subject of the finding about the applet itself.
const AppletSubject = "e-krona applet"

func (r *Report) judgeApplet() {
	const subject = AppletSubject
	switch {
	case r.Applet == nil:
		r.find(Stop, subject, "something answers for it: "+r.NotReported[subject],
			"see what it is with the card's keys: ekrona issue content")
	case !r.isLoaded():
		r.find(Fine, subject, "not on the card", "")
	case r.Applet.lifeCycle == spec.Installed || r.Applet.lifeCycle == spec.KeysMade:
		r.find(Note, subject, fmt.Sprintf("version %s, %s: an issuing was started",
			r.Applet.Version, r.Applet.State),
			"go on with the same order; for another the applet has to go for good: ekrona issue "+
				"card --delete-applet")
	default:
		r.find(Stop, subject,
			fmt.Sprintf("version %s, %s: this card has an owner", r.Applet.Version,
				r.Applet.State),
			"give it back to its holder, or take another card")
	}
}

// unreported notes that the card does not report something. That never stops anything.
func (r *Report) unreported(subject, what string) {
	reason := r.NotReported[what]
	if reason == "" {
		reason = "nothing"
	}
	r.find(Unknown, subject, "not reported ("+reason+")", "")
}
