package card

import (
	"bytes"
	"errors"
	"fmt"

	"ekrona.example/emulator/api"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/vm"
)

// What follows is the side of a card that its card manager sees, package
// globalplatform: a Card by itself has none.

// Manager is a card manager: what applets see of it, and what a [Snapshot] takes of it. Its type is
// comparable.
type Manager interface {
	api.Manager

	// Snapshot keeps all that the manager holds beside its record on the card. The function
	// that it returns sets the manager back to that, any number of times.
	Snapshot() (restore func())
}

// SetManager names the card manager that serves applets through org.globalplatform.
func (c *Card) SetManager(m Manager) { c.manager = m }

// Selected returns the AID of the applet that is selected, nil for none.
func (c *Card) Selected() AID {
	for _, a := range c.applets {
		if a.instance == c.current {
			return a.aid
		}
	}
	return nil
}

// Find finds the applet that a SELECT by name with this P2 would select (JCRE
// §4.5.2).
func (c *Card) Find(p2 byte, name []byte) (AID, bool) {
	found, ok := c.named(p2, name)
	return found.aid, ok
}

// Select selects an applet without a command, as a card selects its default applet when
// it gets power (JCRE §4.1). It reports whether the applet accepted.
func (c *Card) Select(aid AID) (bool, error) {
	found, ok := c.byAID(aid)
	if !ok {
		return false, nil
	}
	willing := false
	err := c.account(func() error {
		return c.machine.Enter(func(call *vm.Call) {
			willing = c.selectApplet(call, found)
			c.selecting, c.reselected = false, 0
		})
	})
	c.note("select %s: %v", aid, willing)
	return willing, err
}

// Deselect leaves nothing selected, as when the card manager is selected.
func (c *Card) Deselect() error { return c.account(c.setAside) }

// LoadBlock is Load for a load file data block: the components of a CAP file as
// LOAD commands bring them.
func (c *Card) LoadBlock(block []byte) (Package, error) {
	file, err := cap.ParseLoadFile(block)
	if err != nil {
		return Package{}, fmt.Errorf("load: %w: %w", ErrRefused, err)
	}
	return c.load(file)
}

// The card manager's record is an array of the runtime environment in persistent
// memory: two bytes of length, then the content.
const (
	recordRoot   = "card manager record"
	recordHeader = 2
	recordBytes  = 2048
)

// MaxRecord is the most that a card manager's record may have, in bytes.
const MaxRecord = recordBytes - recordHeader

// ErrNoRecord reports that the card has no card manager's record yet.
var ErrNoRecord = errors.New("the card has no card manager's record")

// Record returns what SetRecord kept last.
func (c *Card) Record() ([]byte, error) {
	var record []byte
	malformed := false
	err := c.machine.Enter(func(call *vm.Call) {
		array := call.Root(recordRoot)
		if array == 0 {
			return
		}
		if malformed = call.KindOf(array) != vm.ByteArray ||
			call.Length(array) != recordBytes; malformed {
			return
		}
		content := call.Bytes(array, 0, recordBytes)
		n := int(content[0])<<8 | int(content[1])
		if malformed = n > MaxRecord; !malformed {
			record = bytes.Clone(content[recordHeader : recordHeader+n])
		}
	})
	switch {
	case err != nil:
		return nil, stopped(err)
	case malformed:
		return nil, errors.New(
			"the card manager's record in the card's state is malformed; issue the card anew")
	case len(record) == 0:
		return nil, ErrNoRecord
	}
	return record, nil
}

// SetRecord keeps the card manager's record in persistent memory, 1 to MaxRecord
// bytes: one write, which happens whole or not at all, after the one that takes the
// memory, once in the life of a card. A card without that memory gives ErrRefused.
func (c *Card) SetRecord(record []byte) error {
	if len(record) == 0 || len(record) > MaxRecord {
		return fmt.Errorf("%w: a card manager's record of %d bytes; the most is %d", ErrRefused,
			len(record), MaxRecord)
	}
	return c.account(func() error {
		var thrown *vm.JavaException
		err := c.machine.Enter(func(call *vm.Call) {
			thrown = call.Try(func() {
				if call.Root(recordRoot) == 0 {
					call.SetRoot(recordRoot, call.NewJCREArray(vm.ByteArray, recordBytes,
						vm.Persistent, 0))
				}
				c.ChangeRecord(call, record)
			})
		})
		if err == nil && thrown != nil {
			err = fmt.Errorf("%w: no memory for the card manager's record: %w", ErrRefused, thrown)
		}
		return err
	})
}

// ChangeRecord is SetRecord for a card manager that is called by an applet: one write,
// outside the applet's transaction. There must be a record, and this one must fit.
func (c *Card) ChangeRecord(call *vm.Call, record []byte) {
	content := append([]byte{byte(len(record) >> 8), byte(len(record))}, record...)
	call.AsJCRE(func(call *vm.Call) { call.PutBytesOutside(call.Root(recordRoot), 0, content) })
}
