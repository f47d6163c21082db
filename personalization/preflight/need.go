package preflight

import (
	"fmt"
	"time"

	"ekrona/apdu/message"
	"ekrona/apdu/spec"
	"ekrona/emulator/cap"
	"ekrona/emulator/card"
)

// Need is what the applet takes of a card.
type Need struct {
	Persistent int    `json:"persistent"` // bytes
	Transient  int    `json:"transient"`  // bytes
	Platform   string `json:"platform"`   // the API that it imports, in words
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
func NeedOf(capFile []byte, slots uint8) (Need, error) {
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
	virtual, err := card.New(card.Options{Profile: card.P71})
	if err != nil {
		return Need{}, err
	}
	before, err := virtual.Memory()
	if err != nil {
		return Need{}, err
	}
	if _, err := virtual.Load(capFile); err != nil {
		return Need{}, err
	}
	order := message.InstallParameters{Device: "SE00000000000000", Role: spec.RoleCard,
		Slots: slots, Date: anyDay}
	parameters, err := order.Encode()
	if err != nil {
		return Need{}, err
	}
	if _, err := virtual.Install(card.AID(spec.AppletAID), card.AID(spec.AppletAID),
		parameters); err != nil {
		return Need{}, err
	}
	after, err := virtual.Memory()
	need.Persistent, need.Transient = before.NVMFree-after.NVMFree, before.ResetFree-after.ResetFree
	return need, err
}
