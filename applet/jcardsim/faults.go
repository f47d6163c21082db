package jcardsim

import (
	"slices"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
)

// Exchange is a command, what a card answers and what jCardSim does.
type Exchange struct {
	Command         apdu.Command
	Before          []apdu.Command // since the reset, in their order
	Card, Simulator apdu.Response
	Thrown          string // class of the exception that came out of the applet on the card, or ""
	Undone          bool   // the card has undone a transaction, in this command or one before
	Recovered       bool   // it has recovered a message of a signature, in this one or one before
}

// fault is a way in which jCardSim differs from a card, whatever the applet.
type fault struct {
	reason string
	is     func(x Exchange) bool
}

// P2 of SELECT (ISO/IEC 7816-4:2013 table 63), and the bits of a class byte that name a logical
// channel (§5.4.1).
const (
	selectReserved = 0xE0
	classChannel   = 0x03
	classFurther   = 0x40
	classInvalid   = 0xFF
)

// firstStatusWord is the lowest that there is (ISO/IEC 7816-4 §5.6); below are reasons of
// exceptions.
const firstStatusWord apdu.StatusWord = 0x6100

// noCurrentFile is 6986 (ISO/IEC 7816-4 §5.6).
const noCurrentFile apdu.StatusWord = 0x6986

var faults = []fault{
	{"a card's runtime environment refuses logical channels before the applet is asked; it " +
		"leaves that to the applet",
		func(x Exchange) bool {
			return hasChannel(x.Command) && x.Card.SW == apdu.SWChannel
		}},
	{"the class byte FF is refused by a card's runtime environment; it asks the applet",
		func(x Exchange) bool {
			return x.Command.CLA == classInvalid && x.Card.SW == apdu.SWClass
		}},
	{"MANAGE CHANNEL is the runtime environment's: a card refuses it, it asks the applet",
		func(x Exchange) bool { return x.Command.INS == apdu.InsManageChannel }},
	{"the next application of a name is the runtime environment's to find, and so is one of no " +
		"name; it asks the applet for the first, and takes the second for any",
		func(x Exchange) bool { return isByName(x.Command) && isNext(x.Command) }},
	{"the bits of P2 of SELECT that are reserved are nothing to a card's runtime environment; it " +
		"then selects nothing",
		func(x Exchange) bool { return isByName(x.Command) && isReserved(x.Command) }},
	{"a SELECT of such a form before, whatever both answered, has left another session",
		func(x Exchange) bool {
			for _, c := range slices.Backward(x.Before) {
				if isByName(c) { // one of the usual form begins alike for both
					return isNext(c) || isReserved(c)
				}
			}
			return false
		}},
	{"a SELECT on a logical channel opens it on a card, for an applet that may be selected " +
		"twice; it selects on the basic one",
		func(x Exchange) bool {
			opens := func(c apdu.Command) bool { return isByName(c) && hasChannel(c) }
			return opens(x.Command) || slices.ContainsFunc(x.Before, opens)
		}},
	{"while nothing is selected a card answers 6999, and it 6986",
		func(x Exchange) bool {
			return x.Card.SW == apdu.SWSelectFailed && x.Simulator.SW == noCurrentFile
		}},
	{"an exception that leaves an applet and is no ISOException ends in 6F00 on a card; it " +
		"answers the exception's reason",
		func(x Exchange) bool {
			return x.Card.SW == apdu.SWUnknown && x.Simulator.SW < firstStatusWord
		}},
	{"it has no firewall: an access that a card refuses with a SecurityException goes on",
		func(x Exchange) bool {
			return x.Thrown == "SecurityException" && x.Card.SW == apdu.SWUnknown
		}},
	{"its APDU buffer of 260 bytes cannot hold a short command with 255 bytes of data and Le",
		func(x Exchange) bool {
			return len(x.Command.Data) > 0 && len(x.Command.Data)%apdu.MaxShortData == 0 &&
				x.Simulator.SW == apdu.SWUnknown
		}},
	{"it takes an extended Le of 0000, which means all available data, for no Le",
		func(x Exchange) bool {
			return x.Command.Ne == apdu.MaxExtendedNe && x.Card.SW == apdu.OK &&
				x.Simulator.SW&0xFF00 == apdu.SWMoreData && len(x.Simulator.Data) == 0
		}},
	{"it undoes no transaction: since one was aborted its memory is another",
		func(x Exchange) bool { return x.Undone }},
	{"it leaves a signature where beginVerify puts the message that it holds: since one was " +
		"recovered its memory is another",
		func(x Exchange) bool { return x.Recovered }},
}

// isByName reports whether a command is a SELECT by name.
func isByName(c apdu.Command) bool { return c.INS == gpc.InsSelect && c.P1 == gpc.P1ByName }

// isNext reports whether a SELECT by name means another application than the first of the name, or
// has no name.
func isNext(c apdu.Command) bool {
	return c.P2&gpc.P2WhichMask != gpc.P2First || len(c.Data) == 0
}

// hasChannel reports whether the class byte names another channel than the basic one.
func hasChannel(c apdu.Command) bool { return c.CLA&(classChannel|classFurther) != 0 }

func isReserved(c apdu.Command) bool { return c.P2&selectReserved != 0 }

// KnownFault returns how jCardSim is known to differ from a card in its answer to a command, ""
// if it is not.
func KnownFault(x Exchange) string {
	for _, f := range faults {
		if f.is(x) {
			return f.reason
		}
	}
	return ""
}
