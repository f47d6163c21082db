package preflight

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/card"
)

// Need is what the applet takes of a card.
type Need struct {
	Persistent int    `json:"persistent"` // bytes
	Transient  int    `json:"transient"`  // bytes
	Platform   string `json:"platform"`   // the API that it imports, in words
	Install    int    `json:"install"`    // bytes of card.Profile.InstallBytes
	Slots      uint8  `json:"slots"`      // of the log, which Persistent is for
	PerSlot    int    `json:"per_slot"`   // bytes of Persistent for each

	ByKind []card.Taken `json:"-"` // the same bytes by what takes them
}

// frameworkAID is that of javacard.framework, whose version shows which Java Card a
// load file was made for.
const frameworkAID = "\xA0\x00\x00\x00\x62\x01\x01"

// releases are the versions of javacard.framework (Java Card 3.0.4 and 3.0.5 Classic
// API, export files).
var releases = map[[2]int]string{{1, 4}: "3.0.1", {1, 5}: "3.0.4", {1, 6}: "3.0.5"}

// anyDay is the date of an order that is only measured.
var anyDay = message.DateOf(time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC))

// NeedOf measures the applet, with a log of so many slots, on a virtual card of the P71
// profile, which needs about what a P71 does.
func NeedOf(capFile []byte, slots uint8) (Need, error) { return NeedOn(capFile, slots, card.P71) }

// roomBytes is more of either memory than any card has.
const roomBytes = 1 << 24

// NeedOn measures the applet on a virtual card of a profile's kind that has memory enough.
func NeedOn(capFile []byte, slots uint8, profile card.Profile) (Need, error) {
	file, err := cap.Parse(capFile)
	if err != nil {
		return Need{}, err
	}
	need := Need{Platform: "a Java Card API that this program does not know"}
	for _, imported := range file.Imports {
		if string(imported.AID) != frameworkAID {
			continue
		}
		need.Platform = fmt.Sprintf("javacard.framework %d.%d", imported.Major, imported.Minor)
		if release, known := releases[[2]int{imported.Major, imported.Minor}]; known {
			need.Platform = release
		}
	}
	profile.NVMBytes, profile.RAMBytes = roomBytes, roomBytes
	virtual, err := installed(capFile, slots, profile)
	if err != nil {
		return Need{}, err
	}
	after, err := virtual.Memory()
	need.Persistent, need.Transient = roomBytes-after.NVMFree, roomBytes-after.ResetFree
	need.ByKind, need.Install, need.Slots = virtual.Taken(), virtual.InstallUsed(), slots
	if err != nil || slots <= spec.MinSlots {
		return need, err
	}
	if virtual, err = installed(capFile, spec.MinSlots, profile); err != nil {
		return Need{}, err
	}
	fewest, err := virtual.Memory()
	need.PerSlot = (fewest.NVMFree - after.NVMFree) / int(slots-spec.MinSlots)
	return need, err
}

// SlotsIn returns the most slots for which so many bytes of persistent memory are enough, at most
// those that were measured; 0 where not even the fewest fit.
func (n Need) SlotsIn(persistent int) uint8 {
	lacking := n.Persistent - persistent
	if lacking <= 0 {
		return n.Slots
	}
	if n.PerSlot == 0 {
		return 0
	}
	fewer := (lacking + n.PerSlot - 1) / n.PerSlot
	if left := int(n.Slots) - fewer; left >= spec.MinSlots {
		return uint8(left)
	}
	return 0
}

// installed returns a blank card with the applet on it.
func installed(capFile []byte, slots uint8, profile card.Profile) (*card.Card, error) {
	virtual, err := card.New(card.Options{Profile: profile})
	if err != nil {
		return nil, err
	}
	if _, err := virtual.Load(capFile); err != nil {
		return nil, err
	}
	if err := Install(virtual, slots); err != nil {
		return virtual, err
	}
	// The rest is made when it is selected for the first time.
	if _, err := client.New(virtual).Select(context.Background()); err != nil {
		if thrown := virtual.Thrown(); thrown != nil {
			err = thrown
		}
		return virtual, fmt.Errorf("the first SELECT: %w: %w", card.ErrRefused, err)
	}
	return virtual, nil
}

// Install installs the applet, which is loaded, on a card that nobody will hold: one that is made
// to measure or to test it.
func Install(virtual *card.Card, slots uint8) error {
	order := message.InstallParameters{Device: "SE00000000000000", Role: spec.RoleCard,
		Slots: slots, Date: anyDay}
	parameters, err := order.Encode()
	if err != nil {
		return err
	}
	_, err = virtual.Install(card.AID(spec.AppletAID), card.AID(spec.AppletAID), parameters)
	return err
}

// Fit is whether the applet can be installed on a product.
type Fit struct {
	Profile card.Profile
	Need    Need // on a card of this kind with memory enough
	Refusal error
}

// Installs reports whether the applet can be installed.
func (f Fit) Installs() bool { return f.Refusal == nil }

// PersistentLeft returns the persistent memory, in bytes, that is left after INSTALL; what
// is missing is negative.
func (f Fit) PersistentLeft() int { return f.Profile.NVMBytes - f.Need.Persistent }

// TransientLeft is the same of transient memory.
func (f Fit) TransientLeft() int { return f.Profile.RAMBytes - f.Need.Transient }

// FitOf installs the applet on a virtual card of a profile. The error reports that the
// applet cannot be measured at all.
func FitOf(capFile []byte, slots uint8, profile card.Profile) (Fit, error) {
	need, err := NeedOn(capFile, slots, profile)
	switch {
	case errors.Is(err, card.ErrRefused): // whatever memory the card has
		need, elsewhere := NeedOf(capFile, slots)
		return Fit{Profile: profile, Need: need, Refusal: err}, elsewhere
	case err != nil:
		return Fit{}, err
	}
	_, refusal := installed(capFile, slots, profile)
	if refusal != nil && !errors.Is(refusal, card.ErrRefused) {
		return Fit{}, refusal
	}
	return Fit{Profile: profile, Need: need, Refusal: refusal}, nil
}

// Smallest returns the place in fits of the product with the least transient memory that the
// applet can be installed on; -1 if there is none.
func Smallest(fits []Fit) int {
	smallest := -1
	for i, f := range fits {
		if f.Installs() &&
			(smallest < 0 || f.Profile.RAMBytes < fits[smallest].Profile.RAMBytes) {
			smallest = i
		}
	}
	return smallest
}
