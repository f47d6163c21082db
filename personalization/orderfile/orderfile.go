// Package orderfile keeps the order of one card in a file while the card is made, so
// that a cut anywhere is repaired by doing the same again:
//
//  1. [Open] draws token, PIN and PUK, and [File.Keep] keeps them. A cut after that leaves
//     a file, which the next Open reads.
//  2. [File.Assign] keeps the device id that was reserved for the file's intent, which
//     is reserved again as the same.
//  3. The card is made, by whoever uses this package.
//  4. [File.Finish] writes the PIN letter and then removes the order, and with it the
//     token. A cut between the two: the card is found active, and the letter written
//     again.
//  5. Afterwards [Made] reads from the letter of which card it is.
//
// The file holds the card's secrets; only its owner may read it. It is beside the
// letter, under its name and ".order".
package orderfile

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/durable"
	"ekrona.example/personalization"
	"ekrona.example/personalization/batch/letter"
)

// File is an order that is kept.
type File struct {
	letter string
	stored bool
	kept   storedOrder
}

// storedOrder is what is in the file.
type storedOrder struct {
	Intent string           `json:"intent"`
	Bank   message.Name     `json:"bank"`
	Owner  string           `json:"owner"`
	Device message.DeviceID `json:"device"` // empty until it is assigned
	Date   string           `json:"date"`
	Token  string           `json:"token"` // hex
	PIN    string           `json:"pin"`
	PUK    string           `json:"puk"`

	Ceilings []byte `json:"ceilings"` // content of CB
	Slots    uint8  `json:"slots"`
	Attacks  uint8  `json:"max_attacks"`
}

const extension = ".order"

// ErrDone is returned if the letter is that of a card that is made.
var ErrDone = errors.New(
	"there is such a letter already, of a card that is made: name another file")

// Open finds the order whose letter will be at this path, or draws one, which is not kept
// yet. An order that is found must be for the same bank, owner and limits. What killed programs
// have left of order and letter under temporary names, secrets in clear, is removed, by
// [Made] too: one program at a time uses a path.
func Open(
	path string, bank message.Name, owner string, limits personalization.Limits,
	today message.Date, random io.Reader,
) (*File, error) {
	if err := limits.Check(); err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	f := &File{letter: path}
	if err := sweep(path); err != nil {
		return nil, err
	}
	content, err := durable.Read(path + extension)
	if errors.Is(err, fs.ErrNotExist) {
		switch info, err := os.Stat(path); {
		case err == nil && info.IsDir():
			return nil, fmt.Errorf("PIN letter: %s is a folder: name a file in it", path)
		case err == nil:
			return nil, fmt.Errorf("%s: %w", path, ErrDone)
		}
		return f, f.drawSecrets(bank, owner, limits, today, random)
	}
	if err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	defer clear(content)
	f.stored = true
	if err := json.Unmarshal(content, &f.kept); err != nil {
		return nil, fmt.Errorf("order %s: it is damaged: take another card and name another letter",
			path+extension)
	}
	if f.kept.Bank != bank || f.kept.Owner != owner {
		return nil, fmt.Errorf(
			"order %s: it is for %s at %s: go on with that, or name another letter", path+extension,
			f.kept.Owner, f.kept.Bank)
	}
	ceilings, err := limits.Ceilings.Bytes()
	if err != nil || !bytes.Equal(f.kept.Ceilings, ceilings) || f.kept.Slots != limits.Slots ||
		f.kept.Attacks != limits.MaxAttacks {
		return nil, fmt.Errorf("order %s: it has other ceilings or slots, or another number of "+
			"attacks that block the card: go on with those, or name another letter", path+extension)
	}
	return f, nil
}

// sweep removes what killed programs have left of order and letter.
func sweep(path string) error {
	for _, kept := range []string{path, path + extension} {
		if err := durable.SweepFile(kept); err != nil {
			return fmt.Errorf("order: %w", err)
		}
	}
	return nil
}

// limits are those that the order was drawn with.
func (f *File) limits() (personalization.Limits, error) {
	ceilings, err := message.ParsePolicy(f.kept.Ceilings)
	l := personalization.Limits{Ceilings: ceilings, Slots: f.kept.Slots,
		MaxAttacks: f.kept.Attacks}
	if err == nil {
		err = l.Check()
	}
	return l, err
}

const intentLength = 16 // bytes

func (f *File) drawSecrets(
	bank message.Name, owner string, limits personalization.Limits, today message.Date,
	random io.Reader,
) error {
	ceilings, err := limits.Ceilings.Bytes()
	if err != nil {
		return fmt.Errorf("order: ceilings: %w", err)
	}
	var token pin.Token
	intent := make([]byte, intentLength)
	for _, secret := range [][]byte{token[:], intent} {
		if err := entropy.Fill(random, secret); err != nil {
			return fmt.Errorf("order: %w", err)
		}
	}
	f.kept = storedOrder{
		Intent: "order " + hex.EncodeToString(intent), Bank: bank, Owner: owner,
		Date: today.String(), Token: hex.EncodeToString(token[:]),
		Ceilings: ceilings, Slots: limits.Slots, Attacks: limits.MaxAttacks,
	}
	digits, err := personalization.DrawDigits(random)
	f.kept.PIN, f.kept.PUK = digits.PIN, digits.PUK
	return err
}

// Keep writes an order that was drawn. Its device id may be reserved after that, for its
// intent is never drawn again.
func (f *File) Keep() error {
	if f.stored {
		return nil
	}
	return f.store()
}

func (f *File) store() error {
	content, err := json.MarshalIndent(f.kept, "", "  ")
	if err != nil {
		return fmt.Errorf("order: %w", err)
	}
	content = append(content, '\n')
	defer clear(content)
	if err := durable.Replace(f.letter+extension, content, durable.OwnerOnly); err != nil {
		return fmt.Errorf("order: %w", err)
	}
	f.stored = true
	return nil
}

// Intent is what the device id is reserved for.
func (f *File) Intent() string { return f.kept.Intent }

// IsAssigned reports whether a device id was kept before.
func (f *File) IsAssigned() bool { return f.kept.Device != "" }

// Assign keeps the device id.
func (f *File) Assign(device message.DeviceID) error {
	if f.kept.Device == device {
		return nil
	}
	f.kept.Device = device
	return f.store()
}

// Discard deletes an order to which no device id was ever assigned.
func (f *File) Discard() error {
	if f.IsAssigned() || !f.stored {
		return nil
	}
	f.stored = false
	return os.Remove(f.letter + extension)
}

// Made reads the letter at a path: the order of the card that it is of, without token and
// date, and the PIN and PUK that the card was made with. ok is false if there is no such
// letter, or the order is not finished, or is for another owner.
func Made(
	path string, owner string,
) (o personalization.Order, s personalization.Secrets, ok bool, err error) {
	if err := sweep(path); err != nil {
		return o, s, false, err
	}
	switch _, err := os.Lstat(path + extension); {
	case err == nil:
		return o, s, false, nil
	case !errors.Is(err, fs.ErrNotExist):
		return o, s, false, fmt.Errorf("order: %w", err)
	}
	if info, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
		return o, s, false, nil
	}
	content, err := durable.Read(path)
	if err != nil {
		return o, s, false, fmt.Errorf("PIN letter: %w", err)
	}
	defer clear(content)
	l, isLetter := letter.ParseClear(content)
	if !isLetter || l.Owner != owner {
		return o, s, false, nil
	}
	if s, err = (personalization.Digits{PIN: l.PIN, PUK: l.PUK}).Secrets(); err != nil {
		return o, s, false, nil
	}
	o = personalization.Order{Device: l.Device, Role: spec.RoleCard, Owner: l.Owner}
	return o, s, true, nil
}

// Order is the order with its secrets, once a device is assigned.
func (f *File) Order() (personalization.Order, personalization.Secrets, error) {
	o := personalization.Order{Device: f.kept.Device, Role: spec.RoleCard, Owner: f.kept.Owner}
	damaged := func(err error) (personalization.Order, personalization.Secrets, error) {
		return personalization.Order{}, personalization.Secrets{},
			fmt.Errorf("order %s: it is damaged: %w", f.letter+extension, err)
	}
	var secrets personalization.Secrets
	var err error
	if o.Limits, err = f.limits(); err != nil {
		return damaged(err)
	}
	if o.Date, err = message.ParseDate(f.kept.Date); err != nil {
		return damaged(err)
	}
	if len(f.kept.Token) != hex.EncodedLen(len(o.Token)) {
		return damaged(errors.New("the token has another length"))
	}
	if _, err := hex.Decode(o.Token[:], []byte(f.kept.Token)); err != nil {
		return damaged(errors.New("the token is no hex"))
	}
	if secrets, err = (personalization.Digits{PIN: f.kept.PIN,
		PUK: f.kept.PUK}).Secrets(); err != nil {
		return damaged(err)
	}
	return o, secrets, nil
}

// Finish writes the PIN letter and deletes the order.
func (f *File) Finish() error {
	text := letter.Letter{Device: f.kept.Device, Owner: f.kept.Owner, Name: f.kept.Owner,
		PIN: f.kept.PIN, PUK: f.kept.PUK}.Clear()
	defer clear(text)
	if err := durable.Replace(f.letter, text, durable.OwnerOnly); err != nil {
		return fmt.Errorf("PIN letter: %w", err)
	}
	return os.Remove(f.letter + extension)
}
