package shell

import (
	"bytes"
	"fmt"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/tlv"
	"ekrona.example/apdu/trace"
)

// Data objects that say what comes next (EMV 4.3 Book 1 §11.3, Book 3 §6.5.8).
const (
	tagAID        tlv.Tag = 0x4F
	tagDirectory  tlv.Tag = 0x88
	tagPDOL       tlv.Tag = 0x9F38
	tagOwn        tlv.Tag = 0xA5 // of a payment card's FCI, in which the directory's is
	tagLocator    tlv.Tag = 0x94
	tagFormat1    tlv.Tag = 0x80
	insProcessing         = 0xA8
	locatorEntry          = 4  // bytes
	leastUpdate           = 28 // bytes of an answer to INITIALIZE UPDATE (GPC 2.3.1 §E.5.1)
	profileLength         = 2  // of the application interchange profile before a locator
)

// Next is what a card wants after an answer, in words; empty where nothing is known. Nothing of it
// is sent.
func Next(c apdu.Command, r apdu.Response) []string {
	channel := c.CLA & 0x03
	switch sw := r.SW; {
	case sw>>8 == 0x61:
		return []string{fmt.Sprintf("GET RESPONSE brings %s more: %02X C0 00 00 %02X",
			count(byte(sw)), channel, byte(sw))}
	case sw>>8 == 0x6C:
		return []string{fmt.Sprintf("the same command with Le %02X", byte(sw))}
	case sw == apdu.SWMoreAvailable:
		return []string{fmt.Sprintf("the rest, by the same command with P2 %02X",
			c.P2|gpc.StatusNext)}
	case sw == apdu.SWSecurity:
		return []string{"authentication: verify for a PIN, secure KEYS for the card manager"}
	case sw == apdu.SWFileNotFound && c.INS == gpc.InsSelect && c.P1 == gpc.P1ByName:
		return []string{"another name: list shows what is on the card"}
	case sw == apdu.SWInstruction, sw == apdu.SWClass, sw == apdu.SWSelectFailed:
		return []string{"the application that knows this command: select AID"}
	case sw != apdu.OK:
		return nil
	case c.IsChained():
		return []string{"the next part of the command, the last without the chaining bit"}
	case c.INS == gpc.InsInitializeUpdate && c.CLA == gpc.ClassPlain && len(r.Data) >= leastUpdate:
		return []string{"EXTERNAL AUTHENTICATE with the host's cryptogram; secure KEYS does both"}
	case c.INS == gpc.InsSelect:
		return afterSelect(c, r.Data)
	case c.INS == insProcessing:
		return afterProcessing(r.Data)
	}
	return nil
}

// count is how many bytes SW2 of 61xx announces.
func count(sw2 byte) string {
	if sw2 == 0 {
		return "256 bytes or more"
	}
	return fmt.Sprintf("%d bytes", sw2)
}

// afterSelect reads what comes next from the answer to SELECT.
func afterSelect(c apdu.Command, fci []byte) (hints []string) {
	if bytes.HasPrefix(c.Data, trace.TravelDocument) && c.P1 == gpc.P1ByName {
		return []string{"PACE by EF.CardAccess (READ BINARY sfi=28 before SELECT), or basic " +
			"access control: ICAO Doc 9303-11 §4"}
	}
	nodes, err := tlv.Parse(fci)
	if err != nil {
		return nil
	}
	if pdol := find(nodes, tagPDOL); len(pdol) > 0 {
		return []string{fmt.Sprintf("GET PROCESSING OPTIONS pdol= with %s", wanted(pdol[0]))}
	}
	for _, aid := range find(nodes, tagAID) {
		hints = append(hints, fmt.Sprintf("select %X", aid))
	}
	for _, n := range nodes {
		for _, own := range n.Children {
			if file := find(own.Children, tagDirectory); own.Tag == tagOwn && len(file) > 0 &&
				len(file[0]) == 1 {
				hints = append(hints, fmt.Sprintf("READ RECORD sfi=%d record=1", file[0][0]))
			}
		}
	}
	return hints
}

// find returns the values of the data objects with a tag, at any depth.
func find(nodes []tlv.Node, tag tlv.Tag) (values [][]byte) {
	for _, n := range nodes {
		if n.Tag == tag {
			values = append(values, n.Value)
		}
		values = append(values, find(n.Children, tag)...)
	}
	return values
}

// wanted names what a list of data objects wants, in order, and how long it is.
func wanted(list []byte) string {
	var parts []string
	total := 0
	for len(list) > 0 {
		n := tlv.TagLen(list)
		if n >= len(list) {
			break
		}
		parts = append(parts, fmt.Sprintf("%X (%d)", list[:n], list[n]))
		total += int(list[n])
		list = list[n+1:]
	}
	return fmt.Sprintf("%d bytes: %s", total, strings.Join(parts, ", "))
}

// afterProcessing reads the records to read from the answer to GET PROCESSING OPTIONS.
func afterProcessing(answer []byte) (hints []string) {
	nodes, err := tlv.Parse(answer)
	if err != nil {
		return nil
	}
	var locator []byte
	if found := find(nodes, tagLocator); len(found) > 0 {
		locator = found[0]
	} else if found := find(nodes, tagFormat1); len(found) > 0 && len(found[0]) > profileLength {
		locator = found[0][profileLength:]
	}
	for ; len(locator) >= locatorEntry; locator = locator[locatorEntry:] {
		for record := int(locator[1]); record <= int(locator[2]); record++ {
			hints = append(hints,
				fmt.Sprintf("READ RECORD sfi=%d record=%d", locator[0]>>3, record))
		}
	}
	return hints
}
