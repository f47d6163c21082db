package trace

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/tlv"
)

const (
	tagTrustPoint   tlv.Tag = 0x67
	tagCertificates tlv.Tag = 0x68
)

// recognitionTags are the data objects in card recognition data, whose tags mean something else
// anywhere else.
var recognitionTags = map[tlv.Tag]tagRow{
	gpc.TagRecognitionVersion: {name: "GlobalPlatform's version", clause: "GPC 2.3.1 table H-2"},
	gpc.TagRecognitionScheme: {name: "scheme of card identification",
		clause: "GPC 2.3.1 table H-2"},
	gpc.TagRecognitionChannel:  {name: "secure channel protocols", clause: "GPC 2.3.1 table H-2"},
	gpc.TagRecognitionConfig:   {name: "card configuration", clause: "GPC 2.3.1 table H-2"},
	gpc.TagRecognitionPlatform: {name: "card and chip details", clause: "GPC 2.3.1 table H-2"},
	tagTrustPoint:              {name: "trust point", clause: "GPC 2.3.1 table H-2"},
	tagCertificates:            {name: "certificates", clause: "GPC 2.3.1 table H-2"},
}

// recognised are the names in a template that begins as card recognition data does; nil in another
// of the same tag.
func recognised(value []byte) map[tlv.Tag]tagRow {
	begins, err := tlv.Append(nil, 0x06, []byte(gpc.OIDGlobalPlatform))
	if err != nil || !bytes.HasPrefix(value, begins) {
		return nil
	}
	return recognitionTags
}

// identifier is an object identifier with what it means to GlobalPlatform.
func identifier(b []byte) string {
	dotted, meaning := gpc.ObjectIdentifier(b)
	switch {
	case dotted == "":
		return fmt.Sprintf("%X", b)
	case meaning == "":
		return dotted
	}
	return dotted + " (" + meaning + ")"
}

// product names chip and operating system of production data, as far as they are known.
func product(b []byte) string {
	c, err := gpc.ParseCPLC(b)
	if err != nil {
		return fmt.Sprintf("%X", b)
	}
	return c.Product()
}

// production takes production data apart; nil if it has another length.
func production(b []byte, at int) (nodes []*Node) {
	if len(b) != gpc.CPLCLength {
		return nil
	}
	for _, f := range gpc.CPLCFields {
		n := leaf(f.Name, at, b[:f.Length])
		if f.Date {
			n.Value = yearDay(gpc.ProductionDate(binary.BigEndian.Uint16(b)), n.Value)
		}
		nodes = append(nodes, n)
		at, b = at+f.Length, b[f.Length:]
	}
	return nodes
}

// yearDay is the date of production data, which has of its year the last digit.
func yearDay(d gpc.ProductionDate, hex string) string {
	if year, day, is := d.YearDay(); is {
		return fmt.Sprintf("%s: day %d of a year that ends in %d", hex, day, year)
	}
	return hex
}
