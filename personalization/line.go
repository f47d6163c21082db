package personalization

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/emulator/cap"
	"ekrona.example/host/banking"
)

// FinalKeyVersion is the version of the key set that a line puts onto its cards
// by default: the first of those that are used for SCP03.
const FinalKeyVersion = 0x30

const bitsPerByte = 8

// Line makes blank cards active over their security domain. It is used as a
// value; one may serve many readers at once if its issuer may.
type Line struct {
	Issuer

	Keys scp03.KeySource // of the cards as they come; nil for cards that have the final ones
	// Final, if not nil, are the keys that replace those. Keep what they are derived from:
	// nobody can read them back.
	Final        scp03.KeySource
	FinalVersion byte // 0 is FinalKeyVersion

	CAP *cap.File // the applet

	// Watch, if not nil, is put before the secure channel and sees what goes over it
	// before it is protected: a trace, a recorder.
	Watch func(channel apdu.Card) apdu.Card

	// What cannot be undone is done only if it is asked for.
	DeleteApplet bool // deletes an applet that is not active, of another order or version
	Secure       bool // moves the card's life cycle to SECURED, which never goes back
}

// Issue takes the card in the reader, which has just got power, from wherever it is
// to active:
//
//  1. SELECT of the issuer security domain, GET DATA of its key versions, SELECT of
//     the applet: what is on the card is this order's, or nothing.
//  2. A secure channel, with the keys of the version that the card names.
//  3. PUT KEY, and a channel with the new keys.
//  4. INSTALL [for load] and LOAD; INSTALL [for install and make selectable].
//  5. SET STATUS to SECURED.
//  6. [Issuer.Personalize].
//
// It can be repeated with the same order after a cut at any point: each step finds
// itself done or is done again. done receives each stage after it is true on the card
// and before the next step; its error ends the issuing, which can be repeated too.
//
// Keys are never guessed. Those that are given are compared with the card's cryptogram, initial and
// final ones whatever their version: a supplier's keys may have the version of ours. Keys that
// are not the card's stop it before EXTERNAL AUTHENTICATE. Errors: [*IssuerFault],
// [scp03.ErrWrongKeys], [scp03.ErrNotBegun], [ErrOtherApplet], [*gpc.Refusal] and those of
// Personalize.
func (l Line) Issue(
	ctx context.Context, c apdu.Card, o Order, s Secrets, done func(Stage) error,
) (banking.Device, error) {
	device, err := l.issue(ctx, c, o, s, done)
	if err != nil {
		return banking.Device{}, fmt.Errorf("issuing %s: %w", o.Device, err)
	}
	return device, nil
}

func (l Line) issue(
	ctx context.Context, c apdu.Card, o Order, s Secrets, done stageFunc,
) (banking.Device, error) {
	none := banking.Device{}
	found, err := l.inspect(ctx, c, o, s)
	if err != nil {
		return none, err
	}
	if err := done(Inspected); err != nil {
		return none, err
	}
	if found.active == nil {
		if err := l.Check(o.Date); err != nil { // before anything is changed for nothing
			return none, err
		}
	}
	if err := l.manage(ctx, c, o, found, done); err != nil {
		return none, err
	}
	if found.active != nil {
		return *found.active, done(Active)
	}
	return l.personalize(ctx, c, o, s, done)
}

// ErrOtherApplet is returned if an applet is in the way that only DeleteApplet would
// delete.
var ErrOtherApplet = errors.New(
	"the card has another applet in the place of this one: have it deleted, or take a blank card")

// cardContents is what there is on a card before a key is used.
type cardContents struct {
	versions map[byte]bool // of key sets
	instance bool          // this order's
	foreign  bool          // an instance of another order, not active
	active   *banking.Device
}

// isManaged reports whether the security domain has nothing more to do. Whether keys of
// the final version are the final ones shows only when they are used.
func (f cardContents) isManaged(l Line) bool {
	return f.instance && !l.Secure &&
		(l.Final == nil || f.active != nil && f.versions[l.VersionOfFinal()])
}

// inspect does step 1.
func (l Line) inspect(ctx context.Context, c apdu.Card, o Order, s Secrets) (cardContents, error) {
	domain, err := globalplatform.Select(ctx, c, nil)
	if err != nil {
		return cardContents{}, err
	}
	versions, err := keyVersions(ctx, c)
	switch {
	case err != nil:
		return cardContents{}, err
	case domain.Locked:
		return cardContents{},
			&gpc.Refusal{Command: "SELECT of the security domain", SW: apdu.SWDeactivated}
	case l.Final != nil && versions[l.VersionOfFinal()] && versions[gpc.InitialKeySet]:
		return cardContents{}, keysLeft(gpc.InitialKeySet)
	}
	f := cardContents{versions: versions}
	applet := client.New(c)
	application, err := applet.Select(ctx)
	switch {
	case errors.Is(err, apdu.SWFileNotFound):
		return f, nil
	case err != nil:
		return cardContents{}, err
	case isActivated(application):
		device, err := l.recognise(ctx, applet, o, s)
		f.instance, f.active = true, &device
		return f, err
	}
	_, err = identify(ctx, applet, o)
	if errors.Is(err, ErrOtherCard) && l.DeleteApplet {
		f.foreign = true
		return f, nil
	}
	f.instance = true
	return f, err
}

// manage does steps 2 to 5, if any of them is left to do.
func (l Line) manage(
	ctx context.Context, c apdu.Card, o Order, f cardContents, done stageFunc,
) error {
	if f.isManaged(l) {
		for _, stage := range []Stage{KeysReplaced, Loaded, Installed} {
			if stage == KeysReplaced && l.Final == nil {
				continue
			}
			if err := done(stage); err != nil {
				return err
			}
		}
		return nil
	}
	applet, err := l.open(ctx, c, f)
	if err != nil {
		return err
	}
	if l.Final != nil {
		if applet, err = l.replaceKeys(ctx, c, applet); err != nil {
			return err
		}
		if err := done(KeysReplaced); err != nil {
			return err
		}
	}
	contents, err := applet.List(ctx)
	if err != nil {
		return err
	}
	if err := l.load(ctx, applet, contents, f); err != nil {
		return err
	}
	if err := done(Loaded); err != nil {
		return err
	}
	if !f.instance {
		if err := l.install(ctx, applet, o); err != nil {
			return err
		}
	}
	if err := done(Installed); err != nil {
		return err
	}
	if !l.Secure {
		return nil
	}
	if err := secure(ctx, applet, contents.Domain.LifeCycle); err != nil {
		return err
	}
	return done(Secured)
}

// Open opens a channel to the card's issuer security domain with those of the line's
// keys that are the card's.
func (l Line) Open(ctx context.Context, c apdu.Card) (*globalplatform.Client, error) {
	if _, err := globalplatform.Select(ctx, c, nil); err != nil {
		return nil, err
	}
	versions, err := keyVersions(ctx, c)
	if err != nil {
		return nil, err
	}
	return l.open(ctx, c, cardContents{versions: versions})
}

func (l Line) open(
	ctx context.Context, c apdu.Card, f cardContents,
) (*globalplatform.Client, error) {
	o := scp03.Options{Keys: l.Keys, Level: scp03.CMACEncryption, Strongest: true, Random: l.Random}
	tried := "the keys that the card came with were tried"
	if l.Final != nil {
		o.Keys, tried = l.Final, "only the keys that cards get are named, and were tried"
		if l.Keys != nil {
			o.Or, tried = []scp03.KeySource{l.Keys},
				"the keys that cards get and those that they come with were both tried"
		}
		if f.versions[l.VersionOfFinal()] {
			o.KeyVersion = l.VersionOfFinal()
		}
	}
	applet, err := globalplatform.Open(ctx, c, nil, o)
	if errors.Is(err, scp03.ErrWrongKeys) {
		err = fmt.Errorf("%s: %w", tried, err)
	}
	watch := l.Watch
	if observed, ok := c.(apdu.Observed); ok && watch == nil {
		watch = observed.Above
	}
	if err == nil && watch != nil {
		applet.Watch(watch)
	}
	return applet, err
}

// HasFinal reports whether a channel that the line opened is one with the final keys,
// under their version.
func (l Line) HasFinal(applet *globalplatform.Client) bool {
	return l.Final != nil && applet.Fitting() == 0 && applet.KeyVersion() == l.VersionOfFinal()
}

// VersionOfFinal is the version that the final keys have.
func (l Line) VersionOfFinal() byte {
	if l.FinalVersion == 0 {
		return FinalKeyVersion
	}
	return l.FinalVersion
}

// keyVersions asks the selected security domain for the versions of its keys: none
// from a card that does not report them.
func keyVersions(ctx context.Context, c apdu.Card) (map[byte]bool, error) {
	keys, err := globalplatform.Keys(ctx, c)
	var untold *gpc.Refusal
	if err != nil && !errors.As(err, &untold) {
		return nil, err
	}
	versions := map[byte]bool{}
	for _, k := range keys {
		versions[k.Version] = true
	}
	return versions, nil
}

// replaceKeys replaces the keys of the channel by the final ones, unless it
// has been opened with them, and opens one with them, which proves that the card
// took them. Initial keys of version FF end by themselves; those of another version
// are replaced by name, and have to be of the same length.
func (l Line) replaceKeys(
	ctx context.Context, c apdu.Card, applet *globalplatform.Client,
) (*globalplatform.Client, error) {
	if l.HasFinal(applet) {
		return applet, nil
	}
	final, err := l.Final.For(applet.Offer())
	if err != nil {
		return nil, err
	}
	if err := l.CheckKeys(applet); err != nil {
		return nil, err
	}
	replaced := applet.KeyVersion()
	if replaced == gpc.InitialKeySet {
		replaced = 0
	}
	if err := applet.PutKeys(ctx, l.VersionOfFinal(), final, replaced); err != nil {
		return nil, err
	}
	former := applet.KeyVersion()
	if applet, err = l.open(ctx, c,
		cardContents{versions: map[byte]bool{l.VersionOfFinal(): true}}); err != nil {
		return nil, err
	}
	if !l.HasFinal(applet) {
		return nil, keysLeft(former)
	}
	versions, err := keyVersions(ctx, applet.Card())
	if err == nil && former != l.VersionOfFinal() && versions[former] {
		err = keysLeft(former)
	}
	return applet, err
}

// CheckKeys fails if the final keys cannot replace those that a channel was
// opened with: a numbered set is replaced by one of the same length only (GPC
// §11.8.2.3.3).
func (l Line) CheckKeys(applet *globalplatform.Client) error {
	if l.Final == nil || l.HasFinal(applet) || applet.KeyVersion() == gpc.InitialKeySet {
		return nil
	}
	final, err := l.Final.For(applet.Offer())
	if err != nil {
		return err
	}
	present, err := l.presentKeys(applet)
	if err != nil || len(present.ENC) != len(final.ENC) {
		return errors.Join(err, fmt.Errorf("key set %02X can only be replaced by keys of its own "+
			"length, %d bits, and the new ones have %d: make a master key of that length",
			applet.KeyVersion(), bitsPerByte*len(present.ENC), bitsPerByte*len(final.ENC)))
	}
	return nil
}

// presentKeys are those that the channel was opened with.
func (l Line) presentKeys(applet *globalplatform.Client) (scp03.Keys, error) {
	if applet.Fitting() == 0 { // the final keys, under another version
		return l.Final.For(applet.Offer())
	}
	return l.Keys.For(applet.Offer())
}

// ErrKeysLeft is returned if a card opens with its former keys too.
var ErrKeysLeft = errors.New("the card has kept its former keys beside the new ones")

func keysLeft(version byte) error {
	return fmt.Errorf("%w: delete key set %02X, for good, with \"ekrona issue delete\", or set "+
		"the card aside", ErrKeysLeft, version)
}

// load puts the applet's load file onto the card unless it is there. What is in the
// way is deleted first, if allowed.
func (l Line) load(
	ctx context.Context, applet *globalplatform.Client, on globalplatform.Contents, f cardContents,
) error {
	pkg := l.CAP.Header.Package
	others := false // instances that were not examined
	for _, a := range on.Applications {
		switch {
		case !bytes.Equal(a.AID, []byte(spec.AppletAID)):
			others = others || bytes.Equal(a.LoadFile, pkg.AID)
		case !f.instance && !f.foreign:
			return fmt.Errorf("the applet is on the card and cannot be selected (life cycle "+
				"%02X): unlock it: %w", byte(a.LifeCycle), ErrOtherApplet)
		}
	}
	for _, file := range on.LoadFiles {
		if !bytes.Equal(file.AID, pkg.AID) {
			continue
		}
		same := len(file.Version) != 2 ||
			bytes.Equal(file.Version, []byte{byte(pkg.Major), byte(pkg.Minor)})
		switch {
		case same && f.foreign:
			return applet.Delete(ctx, []byte(spec.AppletAID), false)
		case same:
			return nil
		case !l.DeleteApplet || f.instance || others:
			return fmt.Errorf("load file %X of version %d.%d is on the card, and not %d.%d: %w",
				pkg.AID, file.Version[0], file.Version[1], pkg.Major, pkg.Minor, ErrOtherApplet)
		}
		if err := applet.Delete(ctx, pkg.AID, true); err != nil {
			return err
		}
	}
	return applet.Load(ctx, pkg.AID, l.CAP.LoadFile())
}

// install makes the order's instance. Its parameters hold the token and so go out
// enciphered, which every level that open takes does.
func (l Line) install(ctx context.Context, applet *globalplatform.Client, o Order) error {
	root, err := cvc.Parse(l.Root)
	if err != nil {
		return fmt.Errorf("root certificate: %w", err)
	}
	parameters, err := o.InstallParameters(root)
	if err != nil {
		return err
	}
	return applet.Install(ctx, gpc.ForInstall{
		LoadFile: l.CAP.Header.Package.AID, Module: []byte(spec.AppletAID),
		Instance: []byte(spec.AppletAID), Parameters: parameters,
	})
}

// secure moves the card on to SECURED (GPC §5.1.1.3), from wherever it is before.
func secure(ctx context.Context, applet *globalplatform.Client, from gpc.LifeCycle) error {
	for _, to := range []gpc.LifeCycle{gpc.Initialized, gpc.Secured} {
		if from >= to {
			continue
		}
		if err := applet.SetCardStatus(ctx, to); err != nil {
			return err
		}
	}
	return nil
}
