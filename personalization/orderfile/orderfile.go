// Package orderfile keeps the order of one card in a file while the card is made, so
// that a cut anywhere is repaired by doing the same again:
//
//  1. [Open] draws token, PIN and PUK and keeps them. A cut leaves a file, which the
//     next Open reads.
//  2. [File.Assign] keeps the device id that was reserved for the file's intent, which
//     is reserved again as the same.
//  3. The card is made, by whoever uses this package.
//  4. [File.Finish] writes the PIN letter and then removes the order, and with it the
//     token. A cut between the two: the card is found active, and the letter written
//     again.
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

	"ekrona/apdu/entropy"
	"ekrona/apdu/message"
	"ekrona/apdu/pin"
	"ekrona/apdu/spec"
	"ekrona/host/durable"
	"ekrona/personalization"
	"ekrona/personalization/batch/letter"
)

// File is an order that is kept.
type File struct {
	letter string
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
}

const extension = ".order"

// ErrDone is returned if the letter is that of a card that is made.
var ErrDone = errors.New(
	"there is such a letter already, of a card that is made: name another file")

// Open finds the order whose letter will be at this path, or draws it. An order that
// is found must be for the same bank, owner and limits.
func Open(
	path string, bank message.Name, owner string, limits personalization.Limits,
	today message.Date, random io.Reader,
) (*File, error) {
	if err := limits.Check(); err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	f := &File{letter: path}
	content, err := os.ReadFile(path + extension)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(path); err == nil {
			return nil, fmt.Errorf("%s: %w", path, ErrDone)
		}
		if err := f.drawSecrets(bank, owner, limits, today, random); err != nil {
			return nil, err
		}
		return f, f.store()
	}
	if err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
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
	if err != nil || !bytes.Equal(f.kept.Ceilings, ceilings) || f.kept.Slots != limits.Slots {
		return nil, fmt.Errorf("order %s: it has other ceilings or slots: go on with those, or "+
			"name another letter", path+extension)
	}
	return f, nil
}

// limits are those that the order was drawn with.
func (f *File) limits() (personalization.Limits, error) {
	ceilings, err := message.ParsePolicy(f.kept.Ceilings)
	l := personalization.Limits{Ceilings: ceilings, Slots: f.kept.Slots}
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
		Ceilings: ceilings, Slots: limits.Slots,
	}
	digits, err := personalization.DrawDigits(random)
	f.kept.PIN, f.kept.PUK = digits.PIN, digits.PUK
	return err
}

func (f *File) store() error {
	content, err := json.MarshalIndent(f.kept, "", "  ")
	if err != nil {
		return fmt.Errorf("order: %w", err)
	}
	defer clear(content)
	return durable.Replace(f.letter+extension, append(content, '\n'), durable.OwnerOnly)
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
	if f.IsAssigned() {
		return nil
	}
	return os.Remove(f.letter + extension)
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
