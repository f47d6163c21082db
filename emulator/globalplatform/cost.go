package globalplatform

import (
	"time"

	"ekrona.example/apdu/gpc"
	"ekrona.example/emulator/card"
)

// Account is what the last command took.
type Account struct {
	card.Stats      // of the card below, with the bytes on the wire
	Manager    byte // instruction that the card manager carried out; 0 if an applet did
}

// LastCommand returns the account of the last command, also of one that was cut off.
func (c *Card) LastCommand() Account { return c.last }

// CostManager is what the card manager itself takes, its wire included.
const CostManager card.CostGroup = "manager"

// measured are published times of a P71's card manager, over contact and with the wire:
// reports at github.com/martinpaljak/GlobalPlatformPro, by issue. Where the reports
// differ it is the median.
var measured = map[byte]card.CostItem{
	gpc.InsSelect: {What: "SELECT", Each: 20 * time.Millisecond, Source: "issue 221"},
	gpc.InsGetData: {What: "GET DATA", Each: 13 * time.Millisecond,
		Source: "issue 221"},
	gpc.InsInitializeUpdate: {What: "INITIALIZE UPDATE", Each: 61 * time.Millisecond,
		Source: "issue 169, of a JCOP 3"},
	gpc.InsExternalAuthenticate: {What: "EXTERNAL AUTHENTICATE", Each: 20 * time.Millisecond,
		Source: "issue 255"},
	gpc.InsGetStatus: {What: "GET STATUS", Each: 23 * time.Millisecond,
		Source: "issue 255"},
	gpc.InsLoad: {What: "LOAD of a full block", Each: 50 * time.Millisecond,
		Source: "issue 255: 47 to 104 ms"},
}

// Estimate returns how long a P71 takes for a command, and the link to carry it; see
// [card.Estimate]. For the card manager's commands it is a published measurement. For
// those without one, such as PUT KEY, INSTALL and DELETE, it counts persistent writes,
// the applet's own work and the wire only: too little.
func Estimate(a Account, link card.Link) (card.Cost, error) {
	if item, known := measured[a.Manager]; known {
		item.Group, item.Count = CostManager, 1
		return card.Cost{item}, nil
	}
	return card.Estimate(a.Stats, link)
}
