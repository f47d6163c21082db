package trace

import (
	"fmt"
	"strings"

	"ekrona.example/apdu/tlv"
)

// EMV Book 3 and Contactless Book C; every row says which.
const (
	emv  = "EMV 4.3 Book 3 annex A"
	emv1 = "EMV 4.3 Book 1 §12"
	emvC = "EMV Contactless Book A §5.7"
)

// paymentTags are data objects of payment applications.
var paymentTags = map[tlv.Tag]tagRow{
	0x42:   {name: "issuer identification number", clause: emv},
	0x56:   {name: "track 1 equivalent data", clause: "EMV Contactless Book C-2 §A.1"},
	0x57:   {name: "track 2 equivalent data", clause: emv},
	0x5A:   {name: "primary account number", clause: emv},
	0x5F24: {name: "expiration date", clause: emv, text: dateBCD},
	0x5F25: {name: "effective date", clause: emv, text: dateBCD},
	0x5F28: {name: "issuer country code", clause: emv},
	0x5F2A: {name: "transaction currency code", clause: emv},
	0x5F30: {name: "service code", clause: emv},
	0x5F34: {name: "PAN sequence number", clause: emv},
	0x5F36: {name: "transaction currency exponent", clause: emv},
	0x5F53: {name: "IBAN", clause: emv, text: printable},
	0x5F54: {name: "bank identifier code", clause: emv, text: printable},
	0x5F55: {name: "issuer country code, two letters", clause: emv, text: printable},
	0x5F56: {name: "issuer country code, three letters", clause: emv, text: printable},
	0x70:   {name: "record template", clause: emv},
	0x71:   {name: "issuer script template 1", clause: emv},
	0x72:   {name: "issuer script template 2", clause: emv},
	0x73:   {name: "directory discretionary template", clause: emv},
	0x77:   {name: "response template, format 2", clause: emv},
	0x86:   {name: "issuer script command", clause: emv},
	0x87:   {name: "application priority", clause: emv},
	0x88:   {name: "short file identifier", clause: emv},
	0x89:   {name: "authorisation code", clause: emv},
	0x8A:   {name: "authorisation response code", clause: emv, text: printable},
	0x8C:   {name: "CDOL1", clause: emv, text: objectList},
	0x8D:   {name: "CDOL2", clause: emv, text: objectList},
	0x8E:   {name: "cardholder verification methods", clause: emv},
	0x8F:   {name: "CA public key index", clause: emv},
	0x90:   {name: "issuer public key certificate", clause: emv},
	0x91:   {name: "issuer authentication data", clause: emv},
	0x92:   {name: "issuer public key remainder", clause: emv},
	0x93:   {name: "signed static application data", clause: emv},
	0x94:   {name: "application file locator", clause: emv, text: fileLocator},
	0x95:   {name: "terminal verification results", clause: emv},
	0x97:   {name: "TDOL", clause: emv, text: objectList},
	0x98:   {name: "transaction certificate hash", clause: emv},
	0x9A:   {name: "transaction date", clause: emv, text: dateBCD},
	0x9B:   {name: "transaction status information", clause: emv},
	0x9C:   {name: "transaction type", clause: emv},
	0x9D:   {name: "directory definition file's name", clause: emv1},

	0x9F01: {name: "acquirer identifier", clause: emv},
	0x9F02: {name: "amount, authorised", clause: emv},
	0x9F03: {name: "amount, other", clause: emv},
	0x9F05: {name: "application discretionary data", clause: emv},
	0x9F06: {name: "AID of the terminal", clause: emv},
	0x9F07: {name: "application usage control", clause: emv},
	0x9F08: {name: "application version number", clause: emv},
	0x9F09: {name: "application version of the terminal", clause: emv},
	0x9F0A: {name: "application selection registered data", clause: emv},
	0x9F0B: {name: "cardholder's name, extended", clause: emv, text: printable},
	0x9F0D: {name: "issuer action code, default", clause: emv},
	0x9F0E: {name: "issuer action code, denial", clause: emv},
	0x9F0F: {name: "issuer action code, online", clause: emv},
	0x9F10: {name: "issuer application data", clause: emv},
	0x9F11: {name: "issuer code table index", clause: emv},
	0x9F12: {name: "application preferred name", clause: emv, text: printable},
	0x9F13: {name: "last online ATC", clause: emv},
	0x9F14: {name: "lower consecutive offline limit", clause: emv},
	0x9F15: {name: "merchant category code", clause: emv},
	0x9F17: {name: "PIN tries left", clause: emv},
	0x9F18: {name: "issuer script identifier", clause: emv},
	0x9F1A: {name: "terminal country code", clause: emv},
	0x9F1B: {name: "terminal floor limit", clause: emv},
	0x9F1F: {name: "track 1 discretionary data", clause: emv},
	0x9F20: {name: "track 2 discretionary data", clause: emv},
	0x9F21: {name: "transaction time", clause: emv},
	0x9F23: {name: "upper consecutive offline limit", clause: emv},
	0x9F26: {name: "application cryptogram", clause: emv},
	0x9F27: {name: "cryptogram information", clause: emv, text: cryptogramKind},
	0x9F2D: {name: "PIN encipherment certificate", clause: emv},
	0x9F2E: {name: "PIN encipherment exponent", clause: emv},
	0x9F2F: {name: "PIN encipherment remainder", clause: emv},
	0x9F32: {name: "issuer public key exponent", clause: emv},
	0x9F33: {name: "terminal capabilities", clause: emv},
	0x9F34: {name: "cardholder verification results", clause: emv},
	0x9F35: {name: "terminal type", clause: emv},
	0x9F36: {name: "application transaction counter", clause: emv, text: counter},
	0x9F37: {name: "unpredictable number", clause: emv},
	0x9F38: {name: "PDOL", clause: emv, text: objectList},
	0x9F40: {name: "additional terminal capabilities", clause: emv},
	0x9F41: {name: "transaction sequence counter", clause: emv},
	0x9F42: {name: "application currency code", clause: emv},
	0x9F43: {name: "application currency exponent", clause: emv},
	0x9F44: {name: "application currency exponent", clause: emv},
	0x9F45: {name: "data authentication code", clause: emv},
	0x9F46: {name: "ICC public key certificate", clause: emv},
	0x9F47: {name: "ICC public key exponent", clause: emv},
	0x9F48: {name: "ICC public key remainder", clause: emv},
	0x9F49: {name: "DDOL", clause: emv, text: objectList},
	0x9F4A: {name: "static data authentication tags", clause: emv, text: tagList},
	0x9F4B: {name: "signed dynamic application data", clause: emv},
	0x9F4C: {name: "ICC dynamic number", clause: emv},
	0x9F4D: {name: "log entry", clause: emv},
	0x9F4E: {name: "merchant name and location", clause: emv, text: printable},
	0x9F4F: {name: "log format", clause: emv, text: objectList},

	0x9F5D: {name: "available offline spending amount", clause: emvC},
	0x9F66: {name: "terminal transaction qualifiers", clause: emvC},
	0x9F69: {name: "card authentication related data", clause: "EMV Contactless Book C-3 §A.2"},
	0x9F6B: {name: "track 2 data", clause: "EMV Contactless Book C-2 §A.1"},
	0x9F6C: {name: "card transaction qualifiers", clause: "EMV Contactless Book C-3 §A.2"},
	0x9F6E: {name: "form factor or third party data", clause: emvC},
	0x9F7C: {name: "customer exclusive data", clause: "EMV Contactless Book C-3 §A.2"},
	0xBF0C: {name: "FCI issuer discretionary data", clause: emv1},
}

// processingTags are what GET PROCESSING OPTIONS and GENERATE AC have in the place of other
// data objects.
var processingTags = map[tlv.Tag]tagRow{
	0x80: {name: "response, format 1", clause: emv},
	0x82: {name: "application interchange profile", clause: emv},
	0x83: {name: "command template", clause: emv},
}

// dateBCD is a date YYMMDD.
func dateBCD(b []byte) string {
	if len(b) != 3 {
		return fmt.Sprintf("%X", b)
	}
	return fmt.Sprintf("%02X-%02X-%02X", b[0], b[1], b[2])
}

// counter is a number.
func counter(b []byte) string {
	if len(b) > 4 {
		return fmt.Sprintf("%X", b)
	}
	n := 0
	for _, c := range b {
		n = n<<8 | int(c)
	}
	return fmt.Sprint(n)
}

// objectList names what a list of data objects wants: tags and lengths (EMV 4.3 Book 3 §5.4).
func objectList(b []byte) string {
	var parts []string
	for rest := b; len(rest) > 0; {
		n := tlv.TagLen(rest)
		if n >= len(rest) {
			return fmt.Sprintf("%X", b)
		}
		parts = append(parts, fmt.Sprintf("%X %d", rest[:n], rest[n]))
		rest = rest[n+1:]
	}
	return strings.Join(parts, ", ")
}

// fileLocator names the records that a payment application has (EMV 4.3 Book 3 §10.2).
func fileLocator(b []byte) string {
	const entry = 4
	if len(b)%entry != 0 {
		return fmt.Sprintf("%X", b)
	}
	var parts []string
	for ; len(b) > 0; b = b[entry:] {
		parts = append(parts, fmt.Sprintf("SFI %d records %d to %d, %d signed", b[0]>>3, b[1], b[2],
			b[3]))
	}
	return strings.Join(parts, "; ")
}

// cryptogramKind names the kind of an application cryptogram (EMV 4.3 Book 3 table 14).
func cryptogramKind(b []byte) string {
	const kind = 6 // bits below it
	if len(b) != 1 {
		return fmt.Sprintf("%X", b)
	}
	names := []string{"AAC, declined", "TC, approved", "ARQC, go online", "reserved"}
	return fmt.Sprintf("%02X, %s", b[0], names[b[0]>>kind])
}
