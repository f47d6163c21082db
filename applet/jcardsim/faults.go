package jcardsim

import (
	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
)

// fault is a way in which jCardSim differs from a card, whatever the applet.
type fault struct {
	reason string
	is     func(c apdu.Command, card, simulator apdu.Response) bool
}

// P2 of SELECT (ISO/IEC 7816-4:2013 table 63), and the bits of a class byte that name a logical
// channel (§5.4.1).
const (
	selectReserved = 0xE0
	classChannel   = 0x03
	classFurther   = 0x40
	classInvalid   = 0xFF
)

// noCurrentFile is 6986 (ISO/IEC 7816-4 §5.6).
const noCurrentFile apdu.StatusWord = 0x6986

var faults = []fault{
	{"a card's runtime environment refuses logical channels before the applet is asked; it " +
		"leaves that to the applet",
		func(c apdu.Command, card, _ apdu.Response) bool {
			return c.CLA&(classChannel|classFurther) != 0 && card.SW == apdu.SWChannel
		}},
	{"the class byte FF is refused by a card's runtime environment; it asks the applet",
		func(c apdu.Command, card, _ apdu.Response) bool {
			return c.CLA == classInvalid && card.SW == apdu.SWClass
		}},
	{"MANAGE CHANNEL is the runtime environment's: a card refuses it, it asks the applet",
		func(c apdu.Command, _, _ apdu.Response) bool { return c.INS == apdu.InsManageChannel }},
	{"the next application of a name is the runtime environment's to find, and so is one of no " +
		"name; it asks the applet for the first, and takes the second for any",
		func(c apdu.Command, _, _ apdu.Response) bool {
			return c.INS == gpc.InsSelect && c.P1 == gpc.P1ByName &&
				(c.P2&gpc.P2WhichMask != gpc.P2First || len(c.Data) == 0)
		}},
	{"the bits of P2 of SELECT that are reserved are nothing to a card's runtime environment; it " +
		"then selects nothing",
		func(c apdu.Command, _, _ apdu.Response) bool {
			return c.INS == gpc.InsSelect && c.P1 == gpc.P1ByName && c.P2&selectReserved != 0
		}},
	{"while nothing is selected a card answers 6999, and it 6986",
		func(_ apdu.Command, card, simulator apdu.Response) bool {
			return card.SW == apdu.SWSelectFailed && simulator.SW == noCurrentFile
		}},
	{"its APDU buffer of 260 bytes cannot hold a short command with 255 bytes of data and Le",
		func(c apdu.Command, _, simulator apdu.Response) bool {
			return len(c.Data) > 0 && len(c.Data)%apdu.MaxShortData == 0 &&
				simulator.SW == apdu.SWUnknown
		}},
	{"it takes an extended Le of 0000, which means all available data, for no Le",
		func(c apdu.Command, card, simulator apdu.Response) bool {
			return c.Ne == apdu.MaxExtendedNe && card.SW == apdu.OK &&
				simulator.SW&0xFF00 == apdu.SWMoreData && len(simulator.Data) == 0
		}},
}

// KnownFault returns how jCardSim is known to differ from a card in its answer to a command, ""
// if it is not.
func KnownFault(c apdu.Command, card, simulator apdu.Response) string {
	for _, f := range faults {
		if f.is(c, card, simulator) {
			return f.reason
		}
	}
	return ""
}
