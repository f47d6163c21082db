package conform

import (
	"slices"
	"strings"
)

// The documents that the checks cite.
const (
	iso3    = "ISO/IEC 7816-3:2006 "
	iso4    = "ISO/IEC 7816-4:2013 "
	jcre    = "Java Card 3.0.5 Runtime Environment "
	gpc     = "GPC 2.3.1 "
	classes = iso4 + "§5.4.1"
	ins     = iso4 + "§5.5"
	cases   = iso3 + "§12.1.3"
	lengths = iso4 + "§5.2"
	selects = iso4 + "§11.1.1"
	manage  = iso4 + "§11.1.2"
	chains  = iso4 + "§5.3.3"
	more    = iso4 + "§5.3.4 and §11.7.1"
	status  = iso4 + "§5.6"
)

// IDs that code refers to.
const (
	idSelect    = "SEL-01"
	idPartial   = "SEL-15"
	idOpenAll   = "MCH-13"
	idFirstPart = "CHN-01"
)

// Who decides what no check can ask of every card.
const (
	// A Java Card hands every command that it does not carry out itself to the applet.
	appletDecides = "the platform hands it to the applet, whose answer it is (" + jcre + "§4.5.2)"
	notExtended   = "an applet without javacardx.apdu.ExtendedLength takes no extended length (" +
		"Java Card 3.0.5 API, ExtendedLength)"
	leDecides = "Le is the application's to check, where it has that many data or more (" +
		lengths + ")"
)

// Lines that several checks begin with.
const (
	selectIt = "00A40400{L}{AID}00 -> {OK}"
	manager  = "? 00A4040000 -> {OK}" // class 80 is the security domain's there, not an applet's
	opened   = "? 0070000001 -> 9000 : ??"
	unknown  = "F0434F4E464F524D" // an AID that no card has: proprietary, of "CONFORM"
	noAID    = "00A4040008" + unknown + "00"
)

// Checks are all checks, in the order in which they are carried out.
func Checks() []Check {
	return slices.Concat(atrChecks, classChecks, instructionChecks, formChecks, extendedChecks,
		selectChecks, fileChecks, channelChecks, chainChecks, responseChecks, readChecks,
		statusChecks)
}

// GET DATA of no object is the command that shows whether a class byte is taken: it reads only.
var classChecks = []Check{
	{ID: "CLA-01", Clause: classes, Needs: NeedContact | NeedAID,
		Rule:  "Class FF is invalid: a SELECT of class FF is refused.",
		Lines: []string{"FFA40400{L}{AID}00 -> {NO}"}},
	{ID: "CLA-02", Clause: classes, Needs: NeedContact,
		Rule:  "Class FF is invalid for every instruction.",
		Lines: []string{"FFCA000000 -> {NO}"}},
	{ID: "CLA-03", Clause: jcre + "§4.3",
		Rule:  "A command on logical channel 1, which is not open, is refused.",
		Lines: []string{"01CA000000 -> {NO}"}},
	{ID: "CLA-04", Clause: jcre + "§4.3",
		Rule:  "A command on logical channel 2, which is not open, is refused.",
		Lines: []string{"02CA000000 -> {NO}"}},
	{ID: "CLA-05", Clause: jcre + "§4.3",
		Rule:  "A command on logical channel 3, which is not open, is refused.",
		Lines: []string{"03CA000000 -> {NO}"}},
	{ID: "CLA-06", Clause: classes + ", table 3",
		Rule:  "A command of the first further interindustry class, channel 4, is refused.",
		Lines: []string{"40CA000000 -> {NO}"}},
	{ID: "CLA-07", Clause: classes + ", table 3",
		Rule:  "A command on logical channel 12, which is not open, is refused.",
		Lines: []string{"48CA000000 -> {NO}"}},
	{ID: "CLA-08", Clause: classes + ", table 3",
		Rule:  "A command of the last further interindustry class, channel 19, is refused.",
		Lines: []string{"4FCA000000 -> {NO}"}},
	{ID: "CLA-09", Clause: classes,
		Rule:  "Classes 20 to 3F are reserved: a SELECT of class 20 is refused.",
		Lines: []string{"20A40400{L}{AID}00 -> {NO}"}, Needs: NeedAID},
	{ID: "CLA-10", Clause: classes,
		Rule:  "Classes 20 to 3F are reserved: a SELECT of class 2F is refused.",
		Lines: []string{"2FA40400{L}{AID}00 -> {NO}"}, Needs: NeedAID},
	{ID: "CLA-11", Clause: iso4 + "§5.4.1 and §10", Needs: NeedAID,
		Rule:  "Class 04 means proprietary secure messaging: a SELECT without it is refused.",
		Lines: []string{"04A40400{L}{AID}00 -> {NO}"}},
	{ID: "CLA-12", Clause: iso4 + "§5.4.1 and §10", Needs: NeedAID,
		Rule:  "Class 08 means secure messaging: a SELECT without its data objects is refused.",
		Lines: []string{"08A40400{L}{AID}00 -> {NO}"}},
	{ID: "CLA-13", Clause: iso4 + "§5.4.1 and §10", Needs: NeedAID,
		Rule: "Class 0C means secure messaging with the header authenticated: a SELECT without " +
			"its data objects is refused.",
		Lines: []string{"0CA40400{L}{AID}00 -> {NO}"}},
	{ID: "CLA-14", Clause: classes + ", table 3",
		Rule:  "Class 60 means secure messaging on channel 4, which is not open: it is refused.",
		Lines: []string{"60CA000000 -> {NO}"}},
	{ID: "CLA-15", Clause: classes,
		Rule:  "A command of proprietary class 80 has an answer with a legal status word.",
		Lines: []string{"80A4040008" + unknown + "00 -> {ANY}"}},
	{ID: "CLA-16", Clause: classes,
		Rule:  "A command of proprietary class A0 has an answer with a legal status word.",
		Lines: []string{"A0A4040008" + unknown + "00 -> {ANY}"}},
	{ID: "CLA-17", Clause: gpc + "§11.1.4",
		Rule:  "A command of proprietary class C0 has an answer with a legal status word.",
		Lines: []string{"C0CA000000 -> {ANY}"}},
	{ID: "CLA-18", Clause: classes,
		Rule:  "A command of proprietary class FE has an answer with a legal status word.",
		Lines: []string{"FECA000000 -> {ANY}"}},
	{ID: "CLA-19", Clause: status + ", SW1 68", Should: true,
		Rule: "A logical channel that is not open, or not there, is refused with 6881, 6E00 or, " +
			"on a card without channels, 6800.",
		Lines: []string{"01CA000000 -> 6881 | 6E00 | 6800"}},
	{ID: "CLA-20", Clause: classes, Needs: NeedAID,
		Rule:  "A command of a reserved class leaves the application selectable.",
		Lines: []string{"3FCA000000 -> {ANY}", selectIt}},
}

var instructionChecks = []Check{
	{ID: "INS-01", Clause: ins, Needs: NeedBlocks, Rule: "Instruction 60 is invalid.",
		Lines: []string{"00600000 -> {NO}"}},
	{ID: "INS-02", Clause: ins, Needs: NeedBlocks, Rule: "Instruction 61 is invalid.",
		Lines: []string{"00610000 -> {NO}"}},
	{ID: "INS-03", Clause: ins, Needs: NeedBlocks, Rule: "Instruction 6F is invalid.",
		Lines: []string{"006F0000 -> {NO}"}},
	{ID: "INS-04", Clause: ins, Needs: NeedBlocks, Rule: "Instruction 90 is invalid.",
		Lines: []string{"00900000 -> {NO}"}},
	{ID: "INS-05", Clause: ins, Needs: NeedBlocks, Rule: "Instruction 91 is invalid.",
		Lines: []string{"00910000 -> {NO}"}},
	{ID: "INS-06", Clause: ins, Needs: NeedBlocks, Rule: "Instruction 9F is invalid.",
		Lines: []string{"009F0000 -> {NO}"}},
	{ID: "INS-07", Clause: ins + ", table 4",
		Rule:  "An instruction of the interindustry class that no standard assigns is refused.",
		Lines: []string{"00FC000000 -> {NO}"}},
	{ID: "INS-08", Clause: status, Should: true,
		Rule:  "An unknown instruction is refused with 6D00, or its class with 6E00.",
		Lines: []string{"00FC000000 -> 6D00 | 6E00"}},
	{ID: "INS-09", Clause: ins, Needs: NeedAID,
		Rule:  "The odd instruction beside SELECT is a different one: it selects nothing.",
		Lines: []string{"00A50400{L}{AID}00 -> {ANY}"}, Judge: notNamed},
	{ID: "INS-10", Clause: ins, Needs: NeedAID,
		Rule:  "An unknown instruction leaves the application selectable.",
		Lines: []string{"00FC000000 -> {ANY}", selectIt}},
}

// formChecks are the malformed commands of T=1 and contactless, and the four cases in short form.
var formChecks = []Check{
	{ID: "LEN-01", Clause: lengths, Needs: NeedBlocks,
		Rule:  "Three bytes are no command: the card answers with an error and does not go mute.",
		Lines: []string{"00A404 -> {NO}"}},
	{ID: "LEN-02", Clause: cases, Needs: NeedBlocks,
		Rule:  "Lc of 5 with four bytes of data is refused.",
		Lines: []string{"00A4040005F0434F4E -> {NO}"}},
	{ID: "LEN-03", Clause: cases, Needs: NeedBlocks,
		Rule:  "Lc of 2 with four bytes behind it is refused: one byte of them could be Le.",
		Lines: []string{"00A4040002F0434F4E -> {NO}"}},
	{ID: "LEN-04", Clause: cases, Needs: NeedBlocks,
		Rule:  "Six bytes with 0000 behind the header are no case: refused.",
		Lines: []string{"00A404000000 -> {NO}"}},
	{ID: "LEN-05", Clause: cases, Needs: NeedBlocks,
		Rule:  "An extended Lc of zero with data behind it is refused.",
		Lines: []string{"00A40400000000F043 -> {NO}"}},
	{ID: "LEN-06", Clause: cases, Needs: NeedBlocks,
		Rule:  "An extended Lc that is longer than the data is refused.",
		Lines: []string{"00A40400000010F0434F4E -> {NO}"}},
	{ID: "LEN-07", Clause: cases, Needs: NeedBlocks,
		Rule:  "An extended Lc with three bytes too many behind the data is refused.",
		Lines: []string{"00A40400000002F0434F4E46 -> {NO}"}},
	{ID: "LEN-08", Clause: cases, Needs: NeedBlocks,
		Rule:  "A short Lc with an extended Le is refused.",
		Lines: []string{"00A4040002F0430000 -> {NO}"}},
	{ID: "LEN-09", Clause: cases, Needs: NeedBlocks,
		Rule:  "An extended Lc with a short Le is refused.",
		Lines: []string{"00A40400000002F04300 -> {NO}"}},
	{ID: "LEN-10", Clause: cases, Needs: NeedBlocks | NeedAID,
		Rule:  "After a malformed command the application can be selected.",
		Lines: []string{"00A4040005F0 -> {ANY}", selectIt}},
	{ID: "LEN-11", Clause: lengths, Needs: NeedBlocks,
		Rule:  "Case 1: a SELECT without name and Le has an answer without data.",
		Lines: []string{"00A40400 -> {ANY}"}, Judge: noData},
	{ID: "LEN-12", Clause: lengths,
		Rule:  "Case 2: a GET DATA with Le has an answer with a legal status word.",
		Lines: []string{"00CA006600 -> {ANY}"}, Judge: withinNe},
	{ID: "LEN-13", Clause: lengths, Needs: NeedAID,
		Rule:  "Case 3: a SELECT without Le succeeds.",
		Lines: []string{"00A40400{L}{AID} -> {OK}"}, Else: "67xx | 6Cxx", Why: leDecides},
	{ID: "LEN-14", Clause: lengths + ": without Le no data are expected", Needs: NeedAID,
		Should: true,
		Rule:   "Case 3: a SELECT without Le has an answer without data.",
		Lines:  []string{"00A40400{L}{AID} -> {ANY}"}, Judge: noData},
	{ID: "LEN-15", Clause: lengths, Needs: NeedAID,
		Rule:  "Case 4: a SELECT with Le of 256 succeeds.",
		Lines: []string{selectIt}},
	{ID: "LEN-16", Clause: lengths, Needs: NeedAID,
		Rule: "Le of 1 brings at most one byte: the card cuts the data, or answers 61xx, 6Cxx " +
			"or 6700.",
		Lines: []string{"00A40400{L}{AID}01 -> 9000 | 61xx | 62xx | 6Cxx | 67xx"}, Judge: withinNe,
		Else: "{NO}", Why: leDecides},
	{ID: "LEN-17", Clause: lengths,
		Rule:  "Le of 1 of a GET CHALLENGE brings at most one byte.",
		Lines: []string{"0084000001 -> {ANY}"}, Judge: withinNe},
	{ID: "LEN-18", Clause: status + ", SW1 6C",
		Rule:  "Where a GET DATA is answered 6Cxx, the Le that it names is another one.",
		Lines: []string{"? 00CA9F7F01 -> 6Cxx"}, Judge: correctLe},
	{ID: "LEN-19", Clause: lengths, Needs: NeedAID,
		Rule:  "The longest short command, 255 bytes of data, has an answer and does no harm.",
		Lines: []string{"00A40400FF" + strings.Repeat("A5", 255) + " -> {ANY}", selectIt}},
}

// extendedChecks need extended length.
var extendedChecks = []Check{
	{ID: "LEN-20", Clause: cases, Needs: NeedAID | NeedExtended,
		Rule:  "Case 4 in extended form: a SELECT succeeds.",
		Lines: []string{"00A4040000 00{L}{AID}0000 -> {OK}"}, Else: "{NO}", Why: notExtended},
	{ID: "LEN-21", Clause: cases, Needs: NeedAID | NeedExtended,
		Rule:  "Case 3 in extended form: a SELECT succeeds.",
		Lines: []string{"00A4040000 00{L}{AID} -> {OK}"}, Else: "{NO}", Why: notExtended},
	{ID: "LEN-22", Clause: cases, Needs: NeedExtended,
		Rule:  "Case 2 in extended form: a GET DATA has an answer with a legal status word.",
		Lines: []string{"00CA0066000000 -> {ANY}"}},
	{ID: "LEN-23", Clause: cases, Needs: NeedAID | NeedExtended,
		Rule:  "A SELECT in extended form brings the same data as in short form.",
		Lines: []string{selectIt, "00A4040000 00{L}{AID}0000 -> {OK}"}, Judge: sameLength,
		Else: "{NO}", Why: notExtended},
	{ID: "LEN-24", Clause: cases, Needs: NeedExtended,
		Rule:  "An unknown AID in extended form is not found.",
		Lines: []string{"00A4040000 0008" + unknown + "0000 -> {NO}"}},
	{ID: "LEN-25", Clause: cases, Needs: NeedAID | NeedExtended,
		Rule: "A command of 300 bytes of data has an answer and does no harm.",
		Lines: []string{"00A4040000 012C" + strings.Repeat("A5", 300) + " -> {ANY}",
			selectIt}},
	{ID: "LEN-26", Clause: cases, Needs: NeedAID | NeedExtended,
		Rule:  "Extended Le of 1 brings at most one byte.",
		Lines: []string{"00A4040000 00{L}{AID}0001 -> 9000 | 61xx | 62xx | 6Cxx | 67xx"},
		Judge: withinNe, Else: "{NO}", Why: notExtended},
}

var responseChecks = []Check{
	{ID: "GRS-01", Clause: more,
		Rule:  "GET RESPONSE without a response that waits brings no data.",
		Lines: []string{reset, "00C0000000 -> {ANY}"}, Judge: noData},
	{ID: "GRS-02", Clause: more, Needs: NeedAID,
		Rule:  "GET RESPONSE after an answer that was complete brings no data.",
		Lines: []string{"? 00A40400{L}{AID}00 -> 9000", "00C0000000 -> {ANY}"}, Judge: noData},
	{ID: "GRS-03", Clause: more,
		Rule:  "GET RESPONSE after a refused command brings no data.",
		Lines: []string{"? " + noAID + " -> {NO}", "00C0000000 -> {ANY}"}, Judge: noData},
	{ID: "GRS-04", Clause: more,
		Rule:  "GET RESPONSE that brings no data brings none the second time either.",
		Lines: []string{reset, "00C0000000 -> {ANY}", "00C0000000 -> {ANY}"}, Judge: noData},
	{ID: "GRS-05", Clause: more,
		Rule:  "GET RESPONSE with P1-P2 of FFFF brings no data.",
		Lines: []string{"00C0FFFF00 -> {ANY}"}, Judge: noData},
	{ID: "GRS-06", Clause: more,
		Rule: "GET RESPONSE without Le has an answer without data.", Should: true,
		Lines: []string{"00C00000 -> {ANY}"}, Judge: noData, Needs: NeedBlocks},
	{ID: "GRS-07", Clause: more,
		Rule:  "GET RESPONSE on a logical channel that is not open is refused.",
		Lines: []string{"01C0000000 -> {NO}"}},
	{ID: "GRS-08", Clause: more, Needs: NeedAID,
		Rule: "Where SELECT is answered 61xx, GET RESPONSE brings as many bytes.",
		Lines: []string{"? 00A40400{L}{AID}00 -> 61xx",
			"00C0000000 -> 9000 | 61xx | 6Cxx"}, Judge: announced},
	{ID: "GRS-09", Clause: more, Needs: NeedAID, Should: true,
		Rule: "A response that waits is gone after another command.",
		Lines: []string{"? 00A40400{L}{AID}00 -> 61xx", "00CA000000 -> {ANY}",
			"00C0000000 -> {NO}"}},
	{ID: "GRS-10", Clause: more, Needs: NeedAID,
		Rule: "A response that waits is gone after a reset.",
		Lines: []string{"? 00A40400{L}{AID}00 -> 61xx", reset,
			"00C0000000 -> {ANY}"}, Judge: noData},
	{ID: "GRS-11", Clause: more,
		Rule:  "GET RESPONSE with Le of 1 brings at most one byte.",
		Lines: []string{"00C0000001 -> {ANY}"}, Judge: withinNe},
}

var readChecks = []Check{
	{ID: "RET-01", Clause: iso4 + "§11.4.3", Rule: "GET DATA of tag 0000 is refused.",
		Lines: []string{"00CA000000 -> {NO}"}},
	{ID: "RET-02", Clause: iso4 + "§11.4.3", Rule: "GET DATA of tag FFFF is refused.",
		Lines: []string{"00CAFFFF00 -> {NO}"}},
	{ID: "RET-03", Clause: iso4 + "§11.4.3", Rule: "GET DATA of an object that is not there " +
		"brings no data.", Lines: []string{"00CAFFFF00 -> {ANY}"}, Judge: noData},
	{ID: "RET-04", Clause: gpc + "§11.3",
		Rule:  "GET DATA of 0066 of the issuer security domain is an object 66, or refused.",
		Lines: []string{manager, "80CA006600 -> {ANY}"}, Judge: objectOf(0x66)},
	{ID: "RET-05", Clause: gpc + "§11.3",
		Rule:  "GET DATA of 00E0 of the issuer security domain is an object E0, or refused.",
		Lines: []string{manager, "80CA00E000 -> {ANY}"}, Judge: objectOf(0xE0)},
	{ID: "RET-06", Clause: iso4 + "§11.5.3",
		Rule:  "GET CHALLENGE of 8 bytes brings 8 bytes, or is refused.",
		Lines: []string{"? 0084000008 -> {OK}"}, Judge: eightBytes, Leave: shorter},
	{ID: "RET-07", Clause: iso4 + "§11.5.3", Rule: "Two challenges are not the same.",
		Lines: []string{"? 0084000008 -> 9000", "0084000008 -> {ANY}"}, Judge: fresh},
	{ID: "RET-08", Clause: iso4 + "§11.5.3",
		Rule: "Challenges before and after a reset are not the same.",
		Lines: []string{"? 0084000008 -> 9000", reset, "00A40400{L}{AID}00 -> {ANY}",
			"0084000008 -> {ANY}"},
		Judge: fresh, Needs: NeedAID},
	{ID: "RET-09", Clause: iso4 + "§11.2.3", Rule: "READ BINARY behind the end of a file, or " +
		"without one, is refused, or warned of without data.",
		Lines: []string{"00B07FFF00 -> {NO} | 62xx"}, Judge: noData},
	{ID: "RET-10", Clause: iso4 + "§11.2.3", Rule: "READ BINARY of an unknown short file " +
		"identifier is refused.", Lines: []string{"00B09E0000 -> {NO}"}},
}
