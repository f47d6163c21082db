package trace

import (
	"fmt"
	"strings"

	"ekrona.example/apdu/gpc"
)

// selections are what P1 of SELECT says of its data (ISO/IEC 7816-4:2013 §11.1.1, table 62).
var selections = map[byte]string{
	0x00: "by file identifier", 0x01: "a DF below", 0x02: "an EF in this DF", 0x03: "the DF above",
	gpc.P1ByName: "by name", 0x08: "by path from the MF", 0x09: "by path from this DF",
}

// wantedOfSelect are what P2 of SELECT asks for, by bits 4 and 3 (table 63).
var wantedOfSelect = map[byte]string{0x00: "FCI", 0x04: "FCP", 0x08: "FMD", 0x0C: "no data"}

// fileNames are files whose identifier is the same on all cards of a kind. Of those on a UICC in an
// application, another card may have others.
var fileNames = map[[2]byte]string{
	// ISO/IEC 7816-4:2013 §8.2.1, §12.2.1.
	{0x3F, 0x00}: "MF", {0x2F, 0x00}: "EF.DIR", {0x2F, 0x01}: "EF.ATR/INFO",
	{0x3F, 0xFF}: "this DF",

	// ETSI TS 102 221 §8.6, §13; TS 102 223 has the DFs.
	{0x2F, 0xE2}: "EF.ICCID", {0x2F, 0x05}: "EF.PL", {0x2F, 0x06}: "EF.ARR",
	{0x2F, 0x08}: "EF.UMPC", {0x7F, 0xFF}: "this ADF", {0x7F, 0x10}: "DF.TELECOM",
	{0x7F, 0x20}: "DF.GSM", {0x7F, 0xF0}: "ADF.USIM",

	// 3GPP TS 31.102 §4.2 and TS 51.011 §10.3, in ADF.USIM and DF.GSM; TS 31.102 §4.4 in
	// DF.TELECOM.
	{0x6F, 0x05}: "EF.LI", {0x6F, 0x07}: "EF.IMSI", {0x6F, 0x08}: "EF.Keys",
	{0x6F, 0x09}: "EF.KeysPS", {0x6F, 0x20}: "EF.Kc", {0x6F, 0x31}: "EF.HPPLMN",
	{0x6F, 0x38}: "EF.UST", {0x6F, 0x39}: "EF.ACM", {0x6F, 0x3A}: "EF.ADN", {0x6F, 0x3B}: "EF.FDN",
	{0x6F, 0x3C}: "EF.SMS", {0x6F, 0x3E}: "EF.GID1", {0x6F, 0x3F}: "EF.GID2",
	{0x6F, 0x40}: "EF.MSISDN", {0x6F, 0x42}: "EF.SMSP", {0x6F, 0x43}: "EF.SMSS",
	{0x6F, 0x46}: "EF.SPN", {0x6F, 0x56}: "EF.EST", {0x6F, 0x5B}: "EF.START-HFN",
	{0x6F, 0x5C}: "EF.THRESHOLD", {0x6F, 0x60}: "EF.PLMNwAcT", {0x6F, 0x61}: "EF.OPLMNwAcT",
	{0x6F, 0x62}: "EF.HPLMNwAcT", {0x6F, 0x73}: "EF.PSLOCI", {0x6F, 0x78}: "EF.ACC",
	{0x6F, 0x7B}: "EF.FPLMN", {0x6F, 0x7E}: "EF.LOCI", {0x6F, 0xAD}: "EF.AD",
	{0x6F, 0xB7}: "EF.ECC", {0x6F, 0xC5}: "EF.PNN", {0x6F, 0xC6}: "EF.OPL",

	// ICAO Doc 9303-11 §9.2.
	{0x01, 0x1C}: "EF.CardAccess",
}

// TravelDocument is the AID of a travel document's application (ICAO Doc 9303-10 §3.2).
var TravelDocument = []byte{0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01}

// travelFiles are the files of that application (§3.11): elsewhere others have their identifiers.
var travelFiles = map[[2]byte]string{
	{0x01, 0x01}: "EF.DG1", {0x01, 0x02}: "EF.DG2", {0x01, 0x03}: "EF.DG3", {0x01, 0x04}: "EF.DG4",
	{0x01, 0x0B}: "EF.DG11", {0x01, 0x0C}: "EF.DG12", {0x01, 0x0E}: "EF.DG14",
	{0x01, 0x0F}: "EF.DG15", {0x01, 0x1D}: "EF.SOD", {0x01, 0x1E}: "EF.COM",
}

// selecting decodes SELECT of anything but an application by its name on the basic channel: what P1
// and P2 say, and which files those are that most cards of a kind have.
func (m *command) selecting() {
	const occurrence, control = 0x03, 0x0C
	if how := selections[m.P1]; how != "" {
		m.p1.Value += ", " + how
	}
	if m.P2&^(occurrence|control) == 0 {
		m.p1.Value += ", for " + wantedOfSelect[m.P2&control]
	}
	switch {
	case len(m.data) == 0:
	case m.P1 == gpc.P1ByName:
		m.add(leaf("AID", m.at, m.data))
	case len(m.data)%2 != 0 || selections[m.P1] == "":
		m.open()
	default:
		m.add(&Node{Name: "file", Offset: m.at, Raw: m.data, Value: path(m.data, m.travel)})
	}
}

// path is file identifiers, with the names of those that have one; within a travel document's
// application, if it is known to be selected.
func path(identifiers []byte, travel bool) string {
	var parts []string
	for ; len(identifiers) > 0; identifiers = identifiers[2:] {
		part := fmt.Sprintf("%X", identifiers[:2])
		name, known := fileNames[[2]byte(identifiers[:2])]
		if !known && travel {
			name, known = travelFiles[[2]byte(identifiers[:2])]
		}
		if known {
			part += " " + name
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " / ")
}
