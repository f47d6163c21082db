// Package letter writes PIN letters as files that only their printer can read: one
// for each card, text of fixed layout, enciphered with age
// (age-encryption.org/v1, module filippo.io/age) to the recipients of the job, which
// are X25519 or hybrid post-quantum keys. The printer deciphers with its own key,
// such as "age -d -i printer.key SENORDICC0000012.txt.age".
//
// What is written here is in clear in memory only, never in a file, an error or a log.
// The package trusts its caller to name the printer's key. Start at [Write].
package letter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"ekrona.example/apdu/message"
	"ekrona.example/host/durable"
)

// Extension is that of a letter's file, after the device's id.
const Extension = ".txt.age"

// Letter is what a card's owner gets.
type Letter struct {
	Device   message.DeviceID
	Owner    string   // the intermediary's reference of the customer
	Name     string   // to whom
	Address  []string // lines, may be none
	PIN, PUK string   // digits
}

// String shows no digits.
func (l Letter) String() string { return "PIN letter of " + string(l.Device) }

// GoString shows no digits.
func (l Letter) GoString() string { return l.String() }

// Recipient reads a printer's public key: "age1...".
func Recipient(text string) (age.Recipient, error) {
	if r, err := age.ParseX25519Recipient(text); err == nil {
		return r, nil
	}
	if r, err := age.ParseHybridRecipient(text); err == nil {
		return r, nil
	}
	return nil, fmt.Errorf("%q is no recipient of age: the printer makes its key with "+
		"\"age-keygen\" and gives the line that begins with age1", text)
}

// Check fails if nothing can be enciphered to all of these recipients together, as age
// has it for keys of the two kinds.
func Check(recipients []age.Recipient) error {
	if _, err := age.Encrypt(io.Discard, recipients...); err != nil {
		return fmt.Errorf("%w: name keys of one kind, X25519 or hybrid", err)
	}
	return nil
}

// Clear is the letter as it is printed, for whoever hands a single one out himself.
func (l Letter) Clear() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n", l.Name)
	for _, line := range l.Address {
		fmt.Fprintf(&b, "%s\n", line)
	}
	fmt.Fprintf(&b, `
Your card for offline e-krona

Card      %s
Customer  %s
PIN       %s
PUK       %s

Learn the PIN and destroy this letter. You can change the PIN in your
wallet app. With the PUK you set a new PIN when yours is blocked: keep it
away from the card. Nobody of us will ever ask you for either.
`, l.Device, l.Owner, l.PIN, l.PUK)
	return b.Bytes()
}

// ParseClear reads a letter that Clear made; ok is false for any other text.
func ParseClear(text []byte) (l Letter, ok bool) {
	lines := strings.Split(string(text), "\n")
	l.Name = lines[0]
	for i, line := range lines[1:] {
		if line == "" {
			l.Address = lines[1 : i+1]
			break
		}
	}
	if len(l.Address) == 0 {
		l.Address = nil
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, " ")
		value = strings.TrimSpace(value)
		switch name {
		case "Card":
			l.Device = message.DeviceID(value)
		case "Customer":
			l.Owner = value
		case "PIN":
			l.PIN = value
		case "PUK":
			l.PUK = value
		}
	}
	_, err := message.ParseDeviceID(string(l.Device))
	return l, err == nil && bytes.Equal(l.Clear(), text)
}

// Path is the path of a device's letter in a folder.
func Path(folder string, device message.DeviceID) string {
	return filepath.Join(folder, string(device)+Extension)
}

// Write writes the letter into the folder, whole or not at all, and replaces one
// that was written for the same device.
func Write(folder string, l Letter, recipients []age.Recipient) error {
	var out bytes.Buffer
	to, err := age.Encrypt(&out, recipients...)
	if err == nil {
		text := l.Clear()
		_, err = to.Write(text)
		clear(text)
		err = errors.Join(err, to.Close())
	}
	if err == nil {
		err = durable.Replace(Path(folder, l.Device), out.Bytes(), durable.OwnerOnly)
	}
	if err != nil {
		return fmt.Errorf("%v: %w", l, err)
	}
	return nil
}

// Exists reports whether there is a letter for the device.
func Exists(folder string, device message.DeviceID) (bool, error) {
	_, err := os.Stat(Path(folder, device))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Remove removes the letter of a card that will never be issued; there may be
// empty one.
func Remove(folder string, device message.DeviceID) error {
	if err := os.Remove(Path(folder, device)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Line reports whether text may be a line of a letter: anything that prints.
func Line(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool {
		return r < ' ' || r == 0x7F || r >= 0x80 && r < 0xA0 || r == '\u2028' || r == '\u2029'
	}) < 0
}
