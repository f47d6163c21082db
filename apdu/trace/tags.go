package trace

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/tlv"
)

// tagRow names a data object.
type tagRow struct {
	name, clause string
	// text gives a value in words; nil shows it in hex.
	text func(value []byte) string
	// inside names the data objects of a template, before the other tables do; nil for none.
	inside func(value []byte) map[tlv.Tag]tagRow
	// parts takes a value without tags apart, which begins at an index; nil where that is none.
	parts func(value []byte, at int) []*Node
}

func (r tagRow) value(b []byte) string {
	if r.text == nil {
		return fmt.Sprintf("%X", b)
	}
	return r.text(b)
}

// dictionary are tables of data objects, searched in their order: what a tag means depends on
// the application.
type dictionary []map[tlv.Tag]tagRow

// Dictionaries of security domains, of files that READ BINARY reads, which are those of travel
// documents, and of everything else.
var (
	managementDictionary = dictionary{domainTags, ownTags, interindustryTags, paymentTags}
	binaryDictionary     = dictionary{travelTags, interindustryTags, domainTags, paymentTags}
	usualDictionary      = dictionary{interindustryTags, paymentTags, domainTags, travelTags}
	paymentDictionary    = dictionary{processingTags, paymentTags, interindustryTags}
)

// dictionaryOf is the dictionary of a command that no application's vocabulary has.
func dictionaryOf(c apdu.Command) dictionary {
	switch _, isPayment := paymentInstructions[c.INS]; {
	case isPayment && c.CLA&classProprietary != 0:
		return paymentDictionary
	case c.INS&^1 == insReadBinary:
		return binaryDictionary
	}
	return usualDictionary
}

const insReadBinary = 0xB0

// row finds what names a data object.
func (d dictionary) row(o tlv.Object) tagRow {
	if o.Tag == gpc.TagRecognition && recognised(o.Value) != nil { // whatever the application
		return domainTags[o.Tag]
	}
	for _, table := range d {
		if row, known := table[o.Tag]; known {
			return row
		}
	}
	return tagRow{}
}

// knows reports whether data begins with a data object that has a name here, so that what is
// unknown is not taken for data objects by chance.
func (d dictionary) knows(data []byte) bool {
	o, err := tlv.NewBERReader(data).Next()
	return err == nil && d.row(o).name != ""
}

// TagName is a tag and what standards call its data objects.
type TagName struct {
	Tag          tlv.Tag
	Name, Clause string
}

// TagNames are the data objects that the decoder knows without a vocabulary, by tag: those of
// ISO/IEC 7816, GlobalPlatform, EMV and ICAO Doc 9303. A tag that means several things stands
// several times.
func TagNames() []TagName {
	var all []TagName
	for _, table := range append(slices.Clone(usualDictionary), ownTags, processingTags,
		recognitionTags, controlTags) {
		for tag, row := range maps.All(table) {
			all = append(all, TagName{tag, row.name, row.clause})
		}
	}
	slices.SortFunc(all, func(a, b TagName) int {
		return cmp.Or(strings.Compare(a.Tag.String(), b.Tag.String()),
			strings.Compare(a.Clause, b.Clause))
	})
	return all
}

// interindustryTags are data objects of ISO/IEC 7816-4 and -6.
var interindustryTags = map[tlv.Tag]tagRow{
	0x06:   {name: "object identifier", clause: "ISO/IEC 7816-6:2023", text: identifier},
	0x41:   {name: "country code and national data", clause: "ISO/IEC 7816-4:2013 §12.1.1"},
	0x43:   {name: "card service data", clause: "ISO/IEC 7816-4:2013 §12.1.1.7"},
	0x46:   {name: "pre-issuing data", clause: "ISO/IEC 7816-4:2013 §12.1.1"},
	0x47:   {name: "card capabilities", clause: "ISO/IEC 7816-4:2013 §12.1.1.9"},
	0x4D:   {name: "extended header list", clause: "ISO/IEC 7816-4:2013 §8.4.4"},
	0x4F:   {name: "AID", clause: "ISO/IEC 7816-4:2013 §8.2.1"},
	0x50:   {name: "application label", clause: "ISO/IEC 7816-4:2013 §8.2.2", text: printable},
	0x51:   {name: "file reference", clause: "ISO/IEC 7816-4:2013 §7.4.2"},
	0x52:   {name: "command APDU", clause: "ISO/IEC 7816-4:2013 §8.2.2"},
	0x53:   {name: "discretionary data", clause: "ISO/IEC 7816-4:2013 §8.2.2"},
	0x54:   {name: "offset", clause: "ISO/IEC 7816-4:2013 §11.2.2"},
	0x5B:   {name: "cardholder's name", clause: "ISO/IEC 7816-6:2023", text: printable},
	0x5C:   {name: "tag list", clause: "ISO/IEC 7816-4:2013 §8.4.1", text: tagList},
	0x5F20: {name: "cardholder's name", clause: "ISO/IEC 7816-6:2023", text: printable},
	0x5F21: {name: "track 1", clause: "ISO/IEC 7816-6:2023"},
	0x5F29: {name: "certificate profile", clause: "BSI TR-03110-3 §C.1"},
	0x5F2D: {name: "language preference", clause: "ISO/IEC 7816-6:2023", text: printable},
	0x5F37: {name: "signature", clause: "BSI TR-03110-3 §C.1"},
	0x5F4E: {name: "certificate content's reference", clause: "BSI TR-03110-3 §C.1"},
	0x5F50: {name: "URL", clause: "ISO/IEC 7816-6:2023", text: printable},
	0x5F52: {name: "historical bytes", clause: "ISO/IEC 7816-4:2013 §12.1.1"},
	0x61:   {name: "application template", clause: "ISO/IEC 7816-4:2013 §8.2.2"},
	0x62: {name: "file control parameters", clause: "ISO/IEC 7816-4:2013 §7.4.1",
		inside: control},
	0x63: {name: "wrapper", clause: "ISO/IEC 7816-4:2013 §8.4.8"},
	0x64: {name: "file management data", clause: "ISO/IEC 7816-4:2013 §7.4.1",
		inside: control},
	0x65: {name: "cardholder's data", clause: "ISO/IEC 7816-6:2023"},
	0x6E: {name: "application's data", clause: "ISO/IEC 7816-6:2023"},
	0x79: {name: "coexistent tag allocation authority",
		clause: "ISO/IEC 7816-4:2013 §8.3.4"},
	0x7A:   {name: "security support template", clause: "ISO/IEC 7816-4:2013 §10.3.3"},
	0x7B:   {name: "security environment", clause: "ISO/IEC 7816-4:2013 §10.3.2"},
	0x7C:   {name: "dynamic authentication data", clause: "ISO/IEC 7816-4:2013 §11.5.5"},
	0x7D:   {name: "secure messaging data", clause: "ISO/IEC 7816-4:2013 §10.2"},
	0x7F21: {name: "certificate", clause: "ISO/IEC 7816-8:2021"},
	0x7F49: {name: "public key", clause: "ISO/IEC 7816-8:2021"},
	0x7F4E: {name: "certificate body", clause: "BSI TR-03110-3 §C.1"},
	0x7F66: {name: "extended length information", clause: "ISO/IEC 7816-4:2013 §12.7.1"},
	0x80:   {name: "number of data bytes, or value", clause: "ISO/IEC 7816-4:2013 §7.4.3"},
	0x81:   {name: "number of bytes with structure", clause: "ISO/IEC 7816-4:2013 §7.4.3"},
	0x82:   {name: "file descriptor", clause: "ISO/IEC 7816-4:2013 §7.4.3"},
	0x83:   {name: "file identifier", clause: "ISO/IEC 7816-4:2013 §7.4.3"},

	0xAC: {name: "cryptographic mechanism identifier template",
		clause: "ISO/IEC 7816-4:2013 §7.4.3", inside: mechanism},

	gpc.TagFCI: {name: "file control information", clause: "ISO/IEC 7816-4:2013 §7.4.1",
		inside: control},
	gpc.TagAIDOfFCI:    {name: "DF name", clause: "ISO/IEC 7816-4:2013 §7.4.3", text: dfName},
	gpc.TagProprietary: {name: "proprietary data", clause: "ISO/IEC 7816-4:2013 §7.4.3"},
}

// mechanismTags are data objects of a cryptographic mechanism identifier template.
var mechanismTags = map[tlv.Tag]tagRow{
	0x06: {name: "object identifier", clause: "ISO/IEC 7816-4:2013 §7.4.3", text: identifier},
	0x80: {name: "cryptographic mechanism identifier", clause: "ISO/IEC 7816-4:2013 §7.4.3"},
}

// ownTags are data objects of security domains with tags of the private class (ISO/IEC 8825-1
// §8.1.2.2), which any other application uses as it likes.
var ownTags = map[tlv.Tag]tagRow{
	gpc.TagSequenceCounter: {name: "sequence counter", clause: "GPC 2.3.1 §11.3"},
	gpc.TagKeyInfo:         {name: "key information", clause: "GPC 2.3.1 table 11-28"},
	gpc.TagPrivileges:      {name: "privileges", clause: "GPC 2.3.1 table 11-36"},
	gpc.TagLoadFileOf:      {name: "load file", clause: "GPC 2.3.1 table 11-36"},
	gpc.TagDomain:          {name: "security domain", clause: "GPC 2.3.1 table 11-36"},
	gpc.TagVersion:         {name: "load file version", clause: "GPC 2.3.1 table 11-36"},
}

func ofDomains([]byte) map[tlv.Tag]tagRow { return ownTags }

func mechanism([]byte) map[tlv.Tag]tagRow { return mechanismTags }

// domainTags are data objects of security domains.
var domainTags = map[tlv.Tag]tagRow{
	gpc.TagIIN:        {name: "issuer identification number", clause: "GPC 2.3.1 §H.1"},
	gpc.TagCIN:        {name: "card image number", clause: "GPC 2.3.1 §H.1"},
	gpc.TagMaxData:    {name: "maximum length of command data", clause: "GPC 2.3.1 table 11-83"},
	gpc.TagCardData:   {name: "card data", clause: "GPC 2.3.1 §H.2"},
	gpc.TagCapability: {name: "card capability information", clause: "GPC 2.3.1 §H.4"},
	gpc.TagRecognition: {name: "card recognition data", clause: "GPC 2.3.1 §H.2",
		inside: recognised},
	gpc.TagCPLC: {name: "card production life cycle data", text: product,
		clause: "Visa GlobalPlatform 2.1.1 Card Implementation Requirements", parts: production},
	gpc.TagKeyTemplate: {name: "key information template", clause: "GPC 2.3.1 table 11-28",
		inside: ofDomains},
	gpc.TagResources: {name: "extended card resources",
		clause: "ETSI TS 102 226 §8.2.1.7.2"},
	gpc.TagStatus: {name: "registry entry", clause: "GPC 2.3.1 table 11-36",
		inside: ofDomains},
	gpc.TagLifeCycle: {name: "life cycle state", clause: "GPC 2.3.1 table 11-36"},
	gpc.TagModule:    {name: "DF name or module", clause: "GPC 2.3.1 table 11-36"},
}

// printable is text in words, or hex if it is none.
func printable(b []byte) string {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return fmt.Sprintf("%X", b)
		}
	}
	return fmt.Sprintf("%q", b)
}

// dfName is an AID, with its text where it is text, as "1PAY.SYS.DDF01".
func dfName(b []byte) string {
	hex := fmt.Sprintf("%X", b)
	if text := printable(b); len(b) > 0 && strings.HasPrefix(text, `"`) {
		return hex + " " + text
	}
	return hex
}

// tagList names the tags of a list.
func tagList(b []byte) string {
	var tags []string
	for len(b) > 0 {
		n := tlv.TagLen(b)
		if n > len(b) {
			return fmt.Sprintf("%X", b)
		}
		tags, b = append(tags, fmt.Sprintf("%X", b[:n])), b[n:]
	}
	return strings.Join(tags, " ")
}
