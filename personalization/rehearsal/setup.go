package rehearsal

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/scp03"
	"ekrona.example/apdu/tlv"
	"ekrona.example/emulator/card"
	emulated "ekrona.example/emulator/globalplatform"
	"ekrona.example/host/banking"
	"ekrona.example/personalization"
	"ekrona.example/personalization/pki"
)

// setup is a virtual card with the actors of a rehearsal: a line of the same form as
// the real one, with keys of its own.
type setup struct {
	line    personalization.Line
	order   personalization.Order
	secrets personalization.Secrets
	virtual *emulated.Card
	card    apdu.Card // the virtual card, looking like the real one

	hasFinal bool // the card has the line's final keys
}

// build makes the parties and a card with the keys of the state and no applet.
func build(
	ctx context.Context, l personalization.Line, o personalization.Order, s State,
) (*setup, error) {
	st := &setup{line: l, order: o}
	st.line.Watch = nil
	var err error
	if st.line.Issuer, err = placeholder(l.Issuer); err != nil {
		return nil, err
	}
	if st.order, err = personalization.NewOrder(o.Device, o.Owner, o.Date,
		rand.Reader); err != nil {
		return nil, err
	}
	st.order.Role, st.order.Limits, st.order.Batch = o.Role, o.Limits, o.Batch
	if st.secrets.PIN, err = pin.NewBlock("0000"); err != nil {
		return nil, err
	}
	if st.secrets.PUK, err = pin.NewPUKBlock("00000000"); err != nil {
		return nil, err
	}
	return st, st.makeCard(ctx, l, s)
}

// makeCard makes the virtual card and the keys of the line.
func (st *setup) makeCard(ctx context.Context, l personalization.Line, s State) error {
	finalVersion := byte(0)
	if l.Final != nil {
		finalVersion = l.VersionOfFinal()
	}
	version, length := s.initial(finalVersion)
	initial, err := testKeys(length)
	if err != nil {
		return err
	}
	st.line.Keys = initial
	onCard, onVersion := initial, version
	if l.Final != nil {
		theirs, err := l.Final.For(scp03.Offer{}) // only for their length
		if err != nil {
			return err
		}
		final, err := testKeys(len(theirs.ENC))
		if err != nil {
			return err
		}
		st.line.Final = final
		if st.hasFinal = s.HasKeys(finalVersion) && !s.Suppliers; st.hasFinal {
			onCard, onVersion = final, finalVersion
		}
	}
	below, err := card.New(card.Options{Profile: card.P71})
	if err != nil {
		return err
	}
	if st.virtual, err = emulated.New(below, emulated.Options{Keys: initial}); err != nil {
		return err
	}
	client, err := globalplatform.Open(ctx, st.virtual, nil,
		scp03.Options{Keys: initial, Level: scp03.Full})
	if err != nil {
		return err
	}
	if !bytes.Equal(client.Domain().AID, s.Domain) {
		if err := client.StoreData(ctx, gpc.TagAID, s.Domain); err != nil {
			return err
		}
	}
	if onVersion != gpc.InitialKeySet {
		if err := client.PutKeys(ctx, onVersion, onCard, 0); err != nil {
			return err
		}
	}
	st.card = smallCard{st.virtual, s.MaxData}
	return st.virtual.Reset()
}

// prepare takes the card to the state in which the case starts.
func (st *setup) prepare(ctx context.Context, s assumedCase) error {
	if s.reached == 0 {
		return nil
	}
	line, order := st.line, st.order
	line.Secure, line.DeleteApplet = false, false
	if !st.hasFinal {
		line.Final = nil
	}
	if s.foreign {
		var err error
		if order, err = personalization.NewOrder(order.Device, order.Owner, order.Date,
			rand.Reader); err != nil {
			return err
		}
	}
	there := errors.New("as far as the scene begins")
	_, err := line.Issue(ctx, st.card, order, st.secrets,
		func(reached personalization.Stage) error {
			if reached == s.reached && reached != personalization.Active {
				return there
			}
			return nil
		})
	if err != nil && !errors.Is(err, there) {
		return err
	}
	return st.virtual.Reset()
}

// outdated makes the card name another version of its load file.
func (st *setup) outdated(channel apdu.Card) apdu.Card {
	pkg := st.line.CAP.Header.Package
	current := []byte{byte(gpc.TagVersion), 2, byte(pkg.Major), byte(pkg.Minor)}
	other := []byte{byte(gpc.TagVersion), 2, byte(pkg.Major), byte(pkg.Minor) + 1}
	return apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		r, err := channel.Transmit(ctx, c)
		if c.INS == gpc.InsGetStatus {
			r.Data = bytes.ReplaceAll(r.Data, current, other)
		}
		return r, err
	})
}

// smallCard is a card that names another most data of a command than it has.
type smallCard struct {
	*emulated.Card
	maxData int
}

func (c smallCard) Transmit(ctx context.Context, command apdu.Command) (apdu.Response, error) {
	r, err := c.Card.Transmit(ctx, command)
	if err != nil || command.INS != gpc.InsSelect || len(command.Data) > 0 || r.SW != apdu.OK {
		return r, err
	}
	own, err := tlv.Append(nil, gpc.TagMaxData, []byte{apdu.MaxShortData})
	if err != nil {
		return r, err
	}
	theirs, err := tlv.Append(nil, gpc.TagMaxData, []byte{byte(min(c.maxData, apdu.MaxShortData))})
	r.Data = bytes.Replace(r.Data, own, theirs, 1)
	return r, err
}

// testKeys draws a key set.
func testKeys(length int) (scp03.Keys, error) {
	var k scp03.Keys
	for _, key := range []*[]byte{&k.ENC, &k.MAC, &k.DEK} {
		*key = make([]byte, length)
		if err := entropy.Fill(rand.Reader, *key); err != nil {
			return k, err
		}
	}
	return k, k.Check()
}

// placeholder is an issuer with certificates like those of the real one, over keys of
// its own, and a register that is forgotten.
func placeholder(issuer personalization.Issuer) (personalization.Issuer, error) {
	stand := issuer
	stand.Registry, stand.Random = placeholderRegistry{}, rand.Reader
	root, err := cvc.Parse(issuer.Root)
	if err != nil {
		return stand, fmt.Errorf("root certificate: %w", err)
	}
	certifier, err := identity(root, nil)
	if err != nil {
		return stand, err
	}
	stand.Root, stand.Links = certifier.Encoded, nil
	for _, encoded := range issuer.Links {
		link, err := cvc.Parse(encoded)
		if err != nil {
			return stand, fmt.Errorf("link from root to root: %w", err)
		}
		if certifier, err = identity(link, &certifier); err != nil {
			return stand, err
		}
		stand.Links = append(stand.Links, certifier.Encoded)
	}
	if stand.CA, err = identity(issuer.CA.Certificate, &certifier); err != nil {
		return stand, err
	}
	stand.Batches = placeholderBatches{stand.CA}
	for _, to := range []*[]byte{&stand.InstructionKey, &stand.Notary} {
		certificate, err := cvc.Parse(*to)
		if err != nil {
			return stand, err
		}
		certified, err := identity(certificate, &certifier)
		if err != nil {
			return stand, err
		}
		*to = certified.Encoded
	}
	return stand, nil
}

// identity is that of a certificate over another key, certified by the root, or by
// itself.
func identity(like *cvc.Certificate, root *pki.Identity) (pki.Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pki.Identity{}, err
	}
	return pki.NewIdentity(key, pki.Subject{Holder: like.Holder, Role: like.Role,
		Effective: like.Effective, Expiry: like.Expiry}, root)
}

// placeholderBatches makes the keys of batches, by a placeholder's CA.
type placeholderBatches struct{ ca pki.Identity }

func (b placeholderBatches) BatchKey(
	_ context.Context, batch message.DeviceID,
) (pki.BatchKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pki.BatchKey{}, err
	}
	return b.ca.CertifyBatch(batch, key)
}

// placeholderRegistry keeps devices for as long as a rehearsal takes.
type placeholderRegistry map[message.DeviceID]banking.Device

func (r placeholderRegistry) AddDevice(_ context.Context, d banking.Device) error {
	r[d.ID] = d
	return nil
}

func (placeholderRegistry) FirstCrisis(
	context.Context, message.DeviceID,
) (banking.FirstCrisis, error) {
	return banking.FirstCrisis{LowestOrder: 1}, nil
}

func (r placeholderRegistry) Device(
	_ context.Context, id message.DeviceID,
) (banking.Device, error) {
	d, known := r[id]
	if !known {
		return d, banking.ErrNoDevice
	}
	return d, nil
}
