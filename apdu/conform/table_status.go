package conform

import (
	"fmt"

	"ekrona.example/apdu"
)

// statusChecks look at the answers to the commands of all other checks.
var statusChecks = []Check{
	{ID: "SWS-01", Clause: status + "; " + iso3 + "§10.3.3",
		Rule:  "Every answer ends with a status word of SW1 61 to 6F or 90 to 9F.",
		Judge: each(illegalStatus)},
	{ID: "SWS-02", Clause: status,
		Rule:  "An answer with an error, 64xx to 6Fxx, has no data.",
		Judge: each(dataBesideError)},
	{ID: "SWS-03", Clause: lengths,
		Rule:  "No answer has more data than the Le of its command asks for.",
		Judge: each(moreThanAsked)},
	{ID: "SWS-04", Clause: status + ", SW1 6C", Should: true,
		Rule:  "SW1 of 6C comes only for a command with an Le.",
		Judge: each(wrongLeWithout)},
	{ID: "SWS-05", Clause: status + ", SW1 6C",
		Rule:  "SW1 of 6C names another Le than the command has.",
		Judge: each(wrongLeSame)},
	{ID: "SWS-06", Clause: status, Should: true,
		Rule: "No command is answered 6F00, no precise diagnosis: on a Java Card that is what an " +
			"exception leaves that nobody has caught.",
		Judge: each(undiagnosed)},
	{ID: "SWS-07", Clause: status, Should: true,
		Rule:  "Every status word is one that a standard defines, or proprietary.",
		Judge: each(reserved)},
	{ID: "SWS-08", Clause: status + ", SW1 67, 6B, 6D, 6E", Should: true,
		Rule: "Of 67xx, 6Bxx, 6Dxx and 6Exx only those of SW2 00 are answered to malformed and " +
			"unknown commands.",
		Judge: each(withoutSW2)},
	{ID: "SWS-09", Clause: lengths,
		Rule:  "Every command has an answer: the card is never mute.",
		Judge: each(mute)},
	{ID: "SWS-10", Clause: more, Should: true,
		Rule:  "SW1 of 61 comes only where data were asked for, or over T=0.",
		Judge: each(moreUnasked)},
	{ID: "SWS-11", Clause: lengths + ": without Le no data are expected", Should: true,
		Rule:  "No answer to a command without Le has data.",
		Judge: each(dataUnasked)},
}

// each judges all answers by themselves, and shows the first that is wrong.
func each(wrong func(k *Known, a Answer) string) func(*Known, []Answer) string {
	return func(k *Known, answers []Answer) string {
		first, count := "", 0
		for _, a := range answers {
			if text := wrong(k, a); text != "" {
				if count++; first == "" {
					first = fmt.Sprintf("%.40X: %s", a.Sent, text)
				}
			}
		}
		if count > 1 {
			first += fmt.Sprintf("; %d times in all", count)
		}
		return first
	}
}

func illegalStatus(_ *Known, a Answer) string {
	if a.Malformed {
		return a.Failed
	}
	return ""
}

func dataBesideError(_ *Known, a Answer) string {
	if sw1 := a.sw() >> 8; sw1 >= 0x64 && sw1 <= 0x6F && len(a.data()) > 0 {
		return fmt.Sprintf("%d bytes of data beside %s", len(a.data()), a.sw().String())
	}
	return ""
}

func moreThanAsked(_ *Known, a Answer) string {
	if ne, ok := neOf(a.Sent); ok && ne > 0 && len(a.data()) > ne {
		return fmt.Sprintf("%d bytes where at most %d were asked for", len(a.data()), ne)
	}
	return ""
}

func dataUnasked(k *Known, a Answer) string {
	ne, ok := neOf(a.Sent)
	if ok && k.Blocks && ne == 0 && len(a.data()) > 0 { // over T=0 the reader asks for the data
		return fmt.Sprintf("%d bytes where none were asked for", len(a.data()))
	}
	return ""
}

func wrongLeWithout(k *Known, a Answer) string {
	if ne, ok := neOf(a.Sent); ok && k.Blocks && ne == 0 && a.sw()>>8 == 0x6C {
		return "answered " + a.sw().String() + " without an Le"
	}
	return ""
}

func wrongLeSame(_ *Known, a Answer) string {
	if ne, ok := neOf(a.Sent); ok && ne > 0 && a.sw()>>8 == 0x6C && int(a.sw()&0xFF) == ne&0xFF {
		return "answered " + a.sw().String() + ", the Le that it has"
	}
	return ""
}

func undiagnosed(_ *Known, a Answer) string {
	if a.sw() == apdu.SWUnknown {
		return "answered 6F00"
	}
	return ""
}

func reserved(_ *Known, a Answer) string {
	sw := a.sw()
	if a.Received == nil || sw>>8 >= 0x90 { // proprietary, but 9000
		return ""
	}
	switch sw >> 8 {
	case 0x67, 0x6B, 0x6D, 0x6E, 0x6F: // proprietary too
		return ""
	}
	if _, known := apdu.Status(sw); !known {
		return fmt.Sprintf("answered %04X, which no standard defines", uint16(sw))
	}
	return ""
}

func withoutSW2(_ *Known, a Answer) string {
	switch sw := a.sw(); sw >> 8 {
	case 0x6B, 0x6D, 0x6E:
		if sw&0xFF != 0 {
			return fmt.Sprintf("answered %04X", uint16(sw))
		}
	}
	return ""
}

func mute(_ *Known, a Answer) string {
	if a.Received == nil && !a.Malformed {
		return a.Failed
	}
	return ""
}

func moreUnasked(k *Known, a Answer) string {
	if ne, ok := neOf(a.Sent); ok && k.Blocks && ne == 0 && a.sw()>>8 == 0x61 {
		return "answered " + a.sw().String() + " without an Le"
	}
	return ""
}
