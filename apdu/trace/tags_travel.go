package trace

import "ekrona.example/apdu/tlv"

const (
	icao10 = "ICAO Doc 9303-10 §4"
	icao11 = "ICAO Doc 9303-11 §9"
)

// travelTags are data objects in the files of travel documents.
var travelTags = map[tlv.Tag]tagRow{
	0x5F01: {name: "LDS version", clause: icao10, text: printable},
	0x5F36: {name: "Unicode version", clause: icao10, text: printable},
	0x60:   {name: "EF.COM", clause: icao10},
	0x61:   {name: "DG1, machine readable zone", clause: icao10},
	0x75:   {name: "DG2, face", clause: icao10},
	0x63:   {name: "DG3, fingers", clause: icao10},
	0x76:   {name: "DG4, irises", clause: icao10},
	0x65:   {name: "DG5, portrait", clause: icao10},
	0x67:   {name: "DG7, signature", clause: icao10},
	0x68:   {name: "DG8, data features", clause: icao10},
	0x69:   {name: "DG9, structure features", clause: icao10},
	0x6A:   {name: "DG10, substance features", clause: icao10},
	0x6B:   {name: "DG11, more of the holder", clause: icao10},
	0x6C:   {name: "DG12, more of the document", clause: icao10},
	0x6D:   {name: "DG13, optional details", clause: icao10},
	0x6E:   {name: "DG14, security options", clause: icao10},
	0x6F:   {name: "DG15, active authentication key", clause: icao10},
	0x70:   {name: "DG16, persons to notify", clause: icao10},
	0x77:   {name: "EF.SOD, document security object", clause: icao10},

	0x5F1F: {name: "machine readable zone", clause: icao10, text: printable},
	0x5F0E: {name: "full name", clause: icao10},
	0x5F0F: {name: "other names", clause: icao10},
	0x5F10: {name: "personal number", clause: icao10, text: printable},
	0x5F11: {name: "place of birth", clause: icao10, text: printable},
	0x5F12: {name: "telephone", clause: icao10, text: printable},
	0x5F13: {name: "profession", clause: icao10, text: printable},
	0x5F14: {name: "title", clause: icao10, text: printable},
	0x5F19: {name: "issuing authority", clause: icao10, text: printable},
	0x5F26: {name: "date of issue", clause: icao10, text: printable},
	0x5F2B: {name: "date of birth", clause: icao10},
	0x5F2E: {name: "biometric data block", clause: icao10},
	0x5F40: {name: "portrait", clause: icao10},
	0x5F42: {name: "address", clause: icao10, text: printable},
	0x5F43: {name: "signature or mark", clause: icao10},
	0x7F2E: {name: "biometric data block, enciphered", clause: icao10},
	0x7F60: {name: "biometric information template", clause: icao10},
	0x7F61: {name: "biometric information templates", clause: icao10},
	0xA1:   {name: "biometric header", clause: icao10},

	// Security infos are ASN.1: SET, SEQUENCE, INTEGER, OCTET STRING.
	0x31: {name: "set", clause: icao11},
	0x30: {name: "sequence", clause: icao11},
	0x02: {name: "integer", clause: icao11},
	0x04: {name: "octet string", clause: icao11},
}
