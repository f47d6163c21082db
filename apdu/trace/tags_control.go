package trace

import (
	"fmt"

	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/tlv"
)

const controlClause = "ISO/IEC 7816-4:2013 §7.4.3"

// controlTags are data objects of file control parameters that elsewhere are something else, most
// of them in payments.
var controlTags = map[tlv.Tag]tagRow{
	0x85: {name: "proprietary data", clause: controlClause},
	0x86: {name: "security attribute, proprietary", clause: controlClause},
	0x87: {name: "identifier of an EF with more control information", clause: controlClause},
	0x88: {name: "short EF identifier", clause: controlClause, text: shortIdentifier},
	0x8A: {name: "life cycle status", clause: "ISO/IEC 7816-4:2013 §7.4.10", text: lifeCycle},
	0x8B: {name: "security attribute, by reference", clause: controlClause},
	0x8C: {name: "security attribute, compact", clause: controlClause},
	0x8D: {name: "identifier of an EF with security environments", clause: controlClause},
	0x8E: {name: "channel security", clause: controlClause},
	0x8F: {name: "profile indicator", clause: controlClause},
	0xA0: {name: "security attributes for data objects", clause: controlClause},
	0xA2: {name: "short identifiers and their files", clause: controlClause},
	0xAB: {name: "security attribute, expanded", clause: controlClause},

	gpc.TagProprietary: {name: "proprietary data", clause: controlClause, inside: proprietary},
}

func control([]byte) map[tlv.Tag]tagRow { return controlTags }

// proprietaryTags are those of payments in the proprietary data of file control information.
var proprietaryTags = map[tlv.Tag]tagRow{0x87: paymentTags[0x87], 0x88: paymentTags[0x88]}

func proprietary([]byte) map[tlv.Tag]tagRow { return proprietaryTags }

// shortIdentifier is the number in bits 8 to 4; an empty object says that there is none.
func shortIdentifier(b []byte) string {
	switch {
	case len(b) == 0:
		return "none"
	case len(b) > 1 || b[0]&0x07 != 0:
		return fmt.Sprintf("%X", b)
	}
	return fmt.Sprintf("SFI %d", b[0]>>3)
}

// lifeCycle is a life cycle status byte (table 14).
func lifeCycle(b []byte) string {
	if len(b) != 1 {
		return fmt.Sprintf("%X", b)
	}
	state := "proprietary"
	switch b[0] {
	case 0x00:
		state = "no information"
	case 0x01:
		state = "creation"
	case 0x03:
		state = "initialisation"
	case 0x04, 0x06:
		state = "operational, deactivated"
	case 0x05, 0x07:
		state = "operational, activated"
	case 0x0C, 0x0D, 0x0E, 0x0F:
		state = "termination"
	case 0x02, 0x08, 0x09, 0x0A, 0x0B:
		state = "reserved"
	}
	return fmt.Sprintf("%02X %s", b[0], state)
}
