// Package phone starts the wallet app on somebody's phone from its folder: the app's key, the CAs
// whose cards it accepts, and what it knows of its owner's cards. Each card has a journal of its
// own.
//
// Start at [Found], once, and [Open]; then [Phone.Learn] for each card of the owner and
// [Phone.Wallet].
package phone

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/host/banking"
	"ekrona.example/host/durable"
	"ekrona.example/host/party"
	"ekrona.example/host/remote"
	"ekrona.example/host/seal"
	"ekrona.example/host/service/link"
	"ekrona.example/host/wallet"
	"ekrona.example/personalization/pki"
)

// Settings are those of a phone. File names are relative to its folder.
type Settings struct {
	Party        party.Kind `yaml:"party"` // "phone"
	Owner        string     `yaml:"owner"`
	Keys         string     `yaml:"keys"`         // folder of the app's key
	App          string     `yaml:"app"`          // its name
	PairSeal     string     `yaml:"pair_seal"`    // file with the key that seals the pair keys
	Intermediary string     `yaml:"intermediary"` // folder or URL where the owner's bank is reached
	Authorities  []string   `yaml:"authorities"`  // certificates of the CAs whose cards are served
	// with what the owner's card pays, hand over the unsettled payments that funded it
	Provenance bool `yaml:"provenance,omitempty"`
}

// Check implements [party.Checked].
func (s Settings) Check() error {
	return party.First(
		party.Text("owner", s.Owner),
		party.File("keys", s.Keys),
		party.KeyName("app", s.App),
		party.File("pair_seal", s.PairSeal),
		party.Reached("intermediary", s.Intermediary),
		party.Files("authorities", s.Authorities))
}

// Card is what a phone knows of one of its owner's cards.
type Card struct {
	Device      message.DeviceID `yaml:"device"`
	Certificate []byte           `yaml:"certificate"` // 7F21
	CA          []byte           `yaml:"ca"`          // 7F21 of the CA that signed it
	PINPoint    []byte           `yaml:"pin_point"`   // the card's key for enciphered PINs
	Ceilings    []byte           `yaml:"ceilings"`    // of the card: content of CB
	OutOfUse    bool             `yaml:"out_of_use"`  // reported lost, or ended
}

// Phone is an opened phone.
type Phone struct {
	Settings Settings
	App      crypto.Signer

	folder      *party.Folder
	environment party.Environment
	authorities [][]byte
}

// Found makes the folder of a phone. known has the owner's bank register the app's key,
// before the folder counts as a phone's; repeated after a cut, it is called again with
// the same key. The settings need Owner and Intermediary; the rest is Found's.
func Found(
	ctx context.Context, path string, s Settings, authorities map[string][]byte,
	known func(app *ecdsa.PublicKey) error, e party.Environment,
) (err error) {
	f, err := party.Make(ctx, path, e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	s.Party, s.Keys, s.App, s.PairSeal = party.Phone, "keys", "app", "keys/pair.key"
	app, err := pki.Open(f.Path(s.Keys), e.Complete().Random).Key(ctx, s.App)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.Close()) }()
	public, err := signature.PublicKey(app)
	if err != nil {
		return err
	}
	if err := seal.CreateKey(f.Path(s.PairSeal), e.Complete().Random); err != nil {
		return err
	}
	if err := known(public); err != nil {
		return err
	}
	if s.Authorities, err = f.KeepAll("keys", authorities); err != nil {
		return err
	}
	return f.Write(s)
}

// Open starts the phone of a folder.
func Open(ctx context.Context, path string, e party.Environment) (_ *Phone, err error) {
	f, err := party.Enter(ctx, path, e)
	if err != nil {
		return nil, fmt.Errorf("phone: %w", err)
	}
	defer f.CloseAfter(&err, "phone")
	p := &Phone{folder: f, environment: e.Complete()}
	if err := f.Read(party.Phone, &p.Settings); err != nil {
		return nil, err
	}
	if p.authorities, err = f.AllTrusted("authorities", p.Settings.Authorities); err != nil {
		return nil, err
	}
	app, err := pki.Open(f.Path(p.Settings.Keys), p.environment.Random).Existing(ctx,
		p.Settings.App)
	if err != nil {
		return nil, err
	}
	f.OnClose(app.Close)
	p.App = app
	return p, nil
}

const cardFile = ".card.yaml"

// journalOf names the journal of a card.
func journalOf(device message.DeviceID) string {
	return filepath.Join("cards", string(device)+".db")
}

// Learn stores what is known of a card of the owner's, and makes the journal of a new one: a cut
// in between leaves a card that is not known.
func (p *Phone) Learn(ctx context.Context, c Card) error {
	path := p.folder.Path(filepath.Join("cards", string(c.Device)+cardFile))
	switch _, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		schema, err := wallet.Schema()
		if err != nil {
			return err
		}
		if err := p.folder.AddDatabase(ctx, journalOf(c.Device), schema); err != nil {
			return fmt.Errorf("phone: card %s: %w", c.Device, err)
		}
	case err != nil:
		return err
	}
	content, err := yaml.Marshal(c)
	if err != nil {
		return fmt.Errorf("phone: card %s: %w", c.Device, err)
	}
	return durable.Replace(path, content, durable.Everyone)
}

// Cards returns the owner's cards that the phone knows, by device id.
func (p *Phone) Cards() (cards []Card, err error) {
	paths, err := filepath.Glob(p.folder.Path(filepath.Join("cards", "*"+cardFile)))
	if err != nil {
		return nil, err
	}
	for _, path := range paths { // in the order of their names
		content, err := durable.Read(path)
		if err != nil {
			return nil, err
		}
		var c Card
		if err := yaml.Unmarshal(content, &c); err != nil {
			return nil, fmt.Errorf("phone: %s: %w: restore it from its backup", path, err)
		}
		if id := strings.TrimSuffix(filepath.Base(path), cardFile); id != string(c.Device) {
			return nil, fmt.Errorf("phone: %s: it is not about the card that it is named after: "+
				"restore it from its backup", path)
		}
		cards = append(cards, c)
	}
	return cards, nil
}

// Wallet starts the app with one of the owner's cards. dial returns the link to the owner's bank.
func (p *Phone) Wallet(ctx context.Context, c Card, dial party.Dial) (*wallet.Wallet, error) {
	schema, err := wallet.Schema()
	if err != nil {
		return nil, err
	}
	db, err := p.folder.Database(ctx, journalOf(c.Device), schema)
	if err != nil {
		return nil, err
	}
	var ceilings message.Policy
	if c.Ceilings != nil {
		if ceilings, err = message.ParsePolicy(c.Ceilings); err != nil {
			return nil, fmt.Errorf("phone: card %s: ceilings: %w", c.Device, err)
		}
	}
	key, err := seal.ReadKey(p.folder.Path(p.Settings.PairSeal), "pair seal")
	if err != nil {
		return nil, fmt.Errorf("phone: %w", err)
	}
	return wallet.New(ctx, wallet.Config{
		DB: db, Random: p.environment.Random, App: p.App, PairSeal: key, Device: c.Device,
		Certificate: c.Certificate, CA: c.CA,
		PINPoint: c.PINPoint, Ceilings: ceilings, Authorities: p.authorities,
		Intermediary: banking.NewWallet(p.dial(dial)), Provenance: p.Settings.Provenance,
	})
}

// dial returns the link to the owner's bank.
func (p *Phone) dial(dial party.Dial) remote.Transport {
	return dial(p.folder.Address(p.Settings.Intermediary), party.Caller{
		Signer: link.Signer{Key: link.Key{Customer: p.Settings.Owner}, Signer: p.App},
		Trust:  pki.Open(p.folder.Path(p.Settings.Keys), p.environment.Random)})
}

// Account returns what the owner's bank answers about the owner's account. dial returns the link.
func (p *Phone) Account(dial party.Dial) banking.Account { return banking.NewAccount(p.dial(dial)) }

// Path returns the path of a file in the phone's folder.
func (p *Phone) Path(name string) string { return p.folder.Path(name) }

// Close ends the app.
func (p *Phone) Close() error { return p.folder.Close() }

// ReadSettings reads the settings of a phone's folder, without starting it.
func ReadSettings(path string) (s Settings, err error) {
	f := party.Peek(path)
	return s, f.Read(party.Phone, &s)
}
