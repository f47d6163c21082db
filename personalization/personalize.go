package personalization

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"ekrona.example/apdu"
	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/banking"
	"ekrona.example/personalization/pki"
)

// Issuer makes the cards of one intermediary.
type Issuer struct {
	CA             pki.Identity
	Batches        BatchKeys
	BatchSize      int      // cards of a batch; 0 is DefaultBatchSize
	Root           []byte   // 7F21, as the other certificates
	Links          [][]byte // from it to the root that has certified the others
	InstructionKey []byte
	Notary         []byte
	Registry       banking.Registry
	Random         io.Reader
	// Validity are the first and the last day of the certificates issued.
	Effective, Expiry message.Date
}

// Secrets are what the owner gets in the PIN letter.
type Secrets struct {
	PIN pin.Block
	PUK pin.Block
}

// ErrOtherCard is returned if the card in the reader carries the applet of another
// order, or another card's.
var ErrOtherCard = errors.New("the card carries another device's applet: take the card that this " +
	"order was started with, or a blank one")

// ErrOtherKey is returned if the order's device id is registered with the key of an
// instance that is not on this card.
var ErrOtherKey = errors.New("the device id is registered already, with another key: delete the " +
	"applet from the card, for good, and order it anew, under another id")

// ErrNotActive is returned if a card answered ACTIVATE and is not active.
var ErrNotActive = errors.New("the card got ACTIVATE and is not active: a command was altered " +
	"on its way; hold it to the reader again")

// Personalize makes an installed card active:
//
//  1. SELECT shows how far the card is.
//  2. GENERATE ASYMMETRIC KEY PAIR: the card makes its keys, or names those it
//     has, and proves with the token that they are this card's.
//  3. Its key is certified, and the device kept and registered at the notary: before
//     the card has what ACTIVATE asks for, which takes no key. So none is active that
//     nobody knows. What is registered already stays.
//  4. PSO VERIFY CERTIFICATE: root, links to later roots, CA, instruction key, notary.
//  5. PUT DATA: the certificate that is registered, which the card verifies.
//  6. PUT DATA: the key of its batch, enciphered and authenticated under the token, and
//     the certificate of that.
//  7. PUT DATA: PIN and PUK, enciphered and authenticated under the token, with what the card
//     knows of crisis orders, so that a new card takes none that is over.
//  8. ACTIVATE: the card erases the token, and reports it: a 9000 to a command that
//     was altered on its way is no proof.
//
// A cut after any step is repaired by the same call with the same order: each
// step finds itself done or does the same again. A card that is active already is
// asked, with its PIN, whether it is the one that was ordered.
// Errors: [ErrOtherCard], [ErrOtherKey], [ErrNotActive], [*client.Refusal],
// [*client.LinkLost], those of AddDevice.
func (i Issuer) Personalize(
	ctx context.Context, tap apdu.Card, o Order, secrets Secrets,
) (banking.Device, error) {
	return i.personalize(ctx, tap, o, secrets, noop)
}

func (i Issuer) personalize(
	ctx context.Context, tap apdu.Card, o Order, secrets Secrets, done stageFunc,
) (banking.Device, error) {
	none := banking.Device{}
	applet := client.New(tap)
	application, err := applet.Select(ctx)
	if err != nil {
		return none, err
	}
	if isActivated(application) {
		device, err := i.recognise(ctx, applet, o, secrets)
		if err != nil {
			return none, err
		}
		return device, done(Active)
	}
	keys, err := identify(ctx, applet, o)
	if err != nil {
		return none, err
	}
	if err := done(KeysMade); err != nil {
		return none, err
	}
	device, err := i.device(ctx, o, keys)
	if err != nil {
		return none, err
	}
	device.Group = o.Group
	if err := i.Registry.AddDevice(ctx, device); err != nil {
		return none, err
	}
	if err := done(Registered); err != nil {
		return none, err
	}
	if err := i.fill(ctx, applet, o, device.Certificate, secrets); err != nil {
		return none, err
	}
	if err := done(Filled); err != nil {
		return none, err
	}
	if err := applet.Activate(ctx); err != nil {
		return none, err
	}
	if application, err = applet.Select(ctx); err != nil {
		return none, err
	}
	if !isActivated(application) {
		return none, fmt.Errorf("personalization of %s: %w", o.Device, ErrNotActive)
	}
	return device, done(Active)
}

// isActivated reports whether the card has erased its token.
func isActivated(application message.FCI) bool {
	return application.LifeCycle != spec.Installed && application.LifeCycle != spec.KeysMade
}

// identify makes a card that is not yet active make its keys, or name them again, and
// prove with the token that it is the order's.
func identify(ctx context.Context, applet *client.Client, o Order) (pin.Keys, error) {
	answer, err := applet.GenerateKeyPair(ctx)
	if err != nil {
		return pin.Keys{}, err
	}
	keys, err := o.Token.VerifyKeyAnswer(o.Device, answer)
	if errors.Is(err, pin.ErrKeyAnswer) {
		err = fmt.Errorf("%w (%w)", ErrOtherCard, err)
	}
	if err != nil {
		return pin.Keys{}, fmt.Errorf("personalization of %s: %w", o.Device, err)
	}
	return keys, nil
}

// device is what will be registered of a card with these keys: what is registered
// of it already, or a new certificate.
func (i Issuer) device(ctx context.Context, o Order, keys pin.Keys) (banking.Device, error) {
	point, err := signature.Point(keys.PIN)
	if err != nil {
		return banking.Device{}, fmt.Errorf("personalization of %s: %w", o.Device, err)
	}
	known, err := i.Registry.Device(ctx, o.Device)
	switch {
	case err == nil:
		registered, err := cvc.Parse(known.Certificate)
		if err != nil {
			return banking.Device{}, fmt.Errorf("personalization of %s: certificate kept: %w",
				o.Device, err)
		}
		if !registered.PublicKey.Equal(keys.Signing) || !bytes.Equal(known.PINPoint, point) {
			return banking.Device{}, fmt.Errorf("personalization of %s: %w", o.Device, ErrOtherKey)
		}
		return known, nil
	case !errors.Is(err, banking.ErrNoDevice):
		return banking.Device{}, err
	}
	certificate, err := i.CA.Certify(pki.Subject{Holder: cvc.Holder(o.Device), Role: o.Role,
		Effective: i.Effective, Expiry: i.Expiry}, keys.Signing)
	if err != nil {
		return banking.Device{},
			&IssuerFault{fmt.Errorf("personalization of %s: %w", o.Device, err)}
	}
	ceilings, err := o.Ceilings.Bytes()
	if err != nil {
		return banking.Device{}, fmt.Errorf("personalization of %s: ceilings: %w", o.Device, err)
	}
	return banking.Device{
		ID: o.Device, Customer: o.Owner, Certificate: certificate, PINPoint: point,
		Ceilings: ceilings, Slots: o.Slots, Policy: message.DefaultPolicy().Under(o.Ceilings),
	}, nil
}

// fill does steps 4 to 7.
func (i Issuer) fill(
	ctx context.Context, applet *client.Client, o Order, certificate []byte, secrets Secrets,
) error {
	if err := i.introduceRoots(ctx, applet); err != nil {
		return err
	}
	for _, authority := range [][]byte{i.CA.Encoded, i.InstructionKey, i.Notary} {
		if err := applet.VerifyCertificate(ctx, authority); err != nil {
			return err
		}
	}
	if err := applet.PutCertificate(ctx, certificate); err != nil {
		return err
	}
	if err := i.putBatchKey(ctx, applet, o); err != nil {
		return err
	}
	var iv [spec.IVLength]byte
	if err := entropy.Fill(i.Random, iv[:]); err != nil {
		return fmt.Errorf("personalization: %w", err)
	}
	first, err := i.Registry.FirstCrisis(ctx, o.Device)
	if err != nil {
		return err
	}
	enciphered, err := o.Token.FirstPIN(iv, secrets.PIN, secrets.PUK, first.LowestOrder,
		first.Group)
	if err != nil {
		return fmt.Errorf("personalization of %s: %w", o.Device, err)
	}
	return applet.PutFirstPIN(ctx, enciphered)
}

// introduceRoots presents the root, whose anchor the card has, and the links to the others. A card
// that has learned them before a cut refuses the first one, and knows what comes after it.
func (i Issuer) introduceRoots(ctx context.Context, applet *client.Client) error {
	err := applet.VerifyCertificate(ctx, i.Root)
	if len(i.Links) == 0 || err != nil && !client.Is(err, spec.SWRole) &&
		!client.Is(err, spec.SWReferenceUnknown) {
		return err
	}
	applet.Links = i.Links
	return applet.FollowRoots(ctx)
}

// Recognise checks that a card is active and that of an order which was finished, by its PIN as
// the letter has it. It takes no try from a card whose PIN has failed since, so a PIN that
// was changed costs one try at most. Errors: [ErrOtherCard] (also a PIN that is not that
// of the letter), [*client.LinkLost], those of the registry.
func (i Issuer) Recognise(
	ctx context.Context, tap apdu.Card, o Order, secrets Secrets,
) (banking.Device, error) {
	none := banking.Device{}
	other := func(err error) error {
		return fmt.Errorf("personalization of %s: %w (%w)", o.Device, ErrOtherCard, err)
	}
	applet := client.New(tap)
	application, err := applet.Select(ctx)
	if err != nil {
		return none, err
	}
	if !isActivated(application) {
		return none, other(ErrNotActive)
	}
	left, known, err := applet.PINTries(ctx)
	if err != nil {
		return none, err
	}
	if known && left < spec.PINTries {
		return none, other(apdu.TriesLeft(left))
	}
	device, err := i.recognise(ctx, applet, o, secrets)
	var refusal *client.Refusal
	if errors.As(err, &refusal) {
		err = other(err)
	}
	return device, err
}

// recognise checks that an active card is the one that was ordered and registered.
// The PIN goes out enciphered for that card, so that another takes no try for it.
func (i Issuer) recognise(
	ctx context.Context, applet *client.Client, o Order, secrets Secrets,
) (banking.Device, error) {
	known, err := i.Registry.Device(ctx, o.Device)
	if errors.Is(err, banking.ErrNoDevice) {
		return banking.Device{}, fmt.Errorf("personalization of %s, which is not registered: %w",
			o.Device, ErrOtherCard)
	}
	if err != nil {
		return banking.Device{}, err
	}
	public, err := signature.ParsePoint(known.PINPoint)
	if err != nil {
		return banking.Device{}, fmt.Errorf("personalization of %s: PIN key kept: %w", o.Device,
			err)
	}
	if err := applet.Verify(ctx, secrets.PIN,
		client.PINTransport{Key: public, Random: i.Random}); err != nil {
		return banking.Device{}, err
	}
	certificate, err := applet.Certificate(ctx)
	if err != nil {
		return banking.Device{}, err
	}
	if !bytes.Equal(certificate, known.Certificate) {
		return banking.Device{}, fmt.Errorf("personalization of %s: %w", o.Device, ErrOtherCard)
	}
	return known, nil
}
