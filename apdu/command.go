package apdu

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Class bytes of the basic channel without secure messaging, and the bit that says
// that more parts of the same command follow (ISO/IEC 7816-4:2013 §5.4.1).
const (
	ClassInterindustry = 0x00
	ClassProprietary   = 0x80
	ClassChaining      = 0x10
	ClassSecured       = 0x0C // secure messaging, header authenticated

	classChannel = 0x03 // the logical channel in a first interindustry class byte
)

// InsGetResponse is the instruction of GET RESPONSE (ISO/IEC 7816-4:2013 §11.7.1).
const InsGetResponse = 0xC0

// Lengths of ISO/IEC 7816-3:2006 §12.1.3.
const (
	MaxShortData    = 255   // Nc of a short command
	MaxShortNe      = 256   // Ne of a short command, encoded as Le = 00
	MaxExtendedData = 65535 // Nc of an extended command
	MaxExtendedNe   = 65536 // Ne of an extended command, encoded as Le = 0000
)

// Command is a command APDU (ISO/IEC 7816-3:2006 §12.1, ISO/IEC 7816-4:2013 §5.1).
type Command struct {
	CLA, INS, P1, P2 byte
	// Data is the command data field, 0 to 65535 bytes.
	Data []byte
	// Ne is the largest number of response data bytes that the caller expects, 0
	// to 65536. 256 (short) and 65536 (extended) mean "whatever there is".
	Ne int
	// Extended asks for extended length fields where short ones would do. Data
	// or Ne that need them get them anyway.
	Extended bool
}

// IsExtended reports whether the command is encoded with extended length fields.
func (c Command) IsExtended() bool {
	return c.needsExtended() || c.Extended && (len(c.Data) > 0 || c.Ne > 0)
}

func (c Command) needsExtended() bool { return len(c.Data) > MaxShortData || c.Ne > MaxShortNe }

// IsChained reports whether more parts of the same command follow: [ClassChaining]. In classes 20
// to 3F and A0 to BF, whose bits ISO/IEC 7816-4:2013 §5.4.1 gives no meaning, the bit says nothing.
func (c Command) IsChained() bool {
	return c.CLA&ClassChaining != 0 && c.CLA&classReserved != classWithoutMeaning
}

// AsPart returns the command with the mark of a part that others follow, and whether its class has
// such a mark.
func (c Command) AsPart() (part Command, ok bool) {
	c.CLA |= ClassChaining
	return c, c.IsChained()
}

// InsManageChannel is the instruction of MANAGE CHANNEL (ISO/IEC 7816-4:2013 §11.1.2), which the
// card itself answers, whatever is selected (JCRE 3.0.4 §4.5.1).
const InsManageChannel = 0x70

// MaxChannels is how many logical channels there are (ISO/IEC 7816-4:2013 §5.4.1).
const MaxChannels = 20

// ChannelOf is the logical channel that a class byte names (ISO/IEC 7816-4:2013 §5.4.1, tables 2
// and 3; for proprietary classes, which mirror the others, JCRE 3.0.4 §4.3 and GPC 2.3.1 §11.1.4).
// Classes 20 to 3F name none: what has them is for the basic channel.
func ChannelOf(class byte) int {
	switch {
	case class&0x40 != 0:
		return 4 + int(class&0x0F)
	case class&(ClassProprietary|classReserved) == classWithoutMeaning:
		return 0
	}
	return int(class & classChannel)
}

const (
	classReserved       = 0x60 // bits 7 and 6
	classWithoutMeaning = 0x20
)

// Bytes encodes the command: case 1 (header), 2 (header Le), 3 (header Lc data) or 4
// (header Lc data Le), short or extended. It fails when Data or Ne exceeds what an APDU
// can encode.
func (c Command) Bytes() ([]byte, error) {
	if len(c.Data) > MaxExtendedData || c.Ne < 0 || c.Ne > MaxExtendedNe {
		return nil, fmt.Errorf(
			"apdu: %d data bytes and Ne %d do not fit in a command APDU; the limits are %d and %d",
			len(c.Data), c.Ne, MaxExtendedData, MaxExtendedNe)
	}
	out := append(make([]byte, 0, 9+len(c.Data)), c.CLA, c.INS, c.P1, c.P2)
	extended := c.IsExtended()
	if extended {
		out = append(out, 0)
	}
	if n := len(c.Data); n > 0 {
		out = appendLength(out, n, extended)
		out = append(out, c.Data...)
	}
	if c.Ne > 0 {
		out = appendLength(out, c.Ne, extended)
	}
	return out, nil
}

// appendLength writes Lc or Le; the value that does not fit (256, 65536) is written as
// zero, as in Le.
func appendLength(out []byte, n int, extended bool) []byte {
	if extended {
		return binary.BigEndian.AppendUint16(out, uint16(n))
	}
	return append(out, byte(n))
}

// ParseCommand decodes a command APDU and accepts nothing but the seven
// encodings of ISO/IEC 7816-3:2006 §12.1.3: 1, 2S, 3S, 4S, 2E, 3E, 4E.
func ParseCommand(b []byte) (Command, error) {
	if len(b) < 4 {
		return Command{}, fmt.Errorf("apdu: a command has at least 4 bytes, this has %d", len(b))
	}
	c := Command{CLA: b[0], INS: b[1], P1: b[2], P2: b[3]}
	body := b[4:]
	switch {
	case len(body) == 0: // case 1
	case len(body) == 1: // case 2S
		c.Ne = unzero(int(body[0]), MaxShortNe)
	case body[0] != 0: // cases 3S, 4S
		if err := c.parseTail(body[1:], int(body[0]), 1); err != nil {
			return Command{}, err
		}
	case len(body) < 3:
		return Command{}, fmt.Errorf("apdu: extended length field cut short at byte %d of %d",
			len(b), len(b))
	case len(body) == 3: // case 2E
		c.Extended = true
		c.Ne = unzero(int(binary.BigEndian.Uint16(body[1:])), MaxExtendedNe)
	default: // cases 3E, 4E
		c.Extended = true
		n := int(binary.BigEndian.Uint16(body[1:]))
		if n == 0 {
			return Command{}, fmt.Errorf("apdu: extended Lc is zero and %d bytes follow it",
				len(body)-3)
		}
		if err := c.parseTail(body[3:], n, 2); err != nil {
			return Command{}, err
		}
	}
	return c, nil
}

// parseTail takes n data bytes and, if anything is left, an Le of leSize bytes.
func (c *Command) parseTail(tail []byte, n, leSize int) error {
	switch len(tail) - n {
	case 0:
	case leSize:
		if leSize == 1 {
			c.Ne = unzero(int(tail[n]), MaxShortNe)
		} else {
			c.Ne = unzero(int(binary.BigEndian.Uint16(tail[n:])), MaxExtendedNe)
		}
	default:
		return fmt.Errorf("apdu: Lc says %d bytes and %d follow it; give exactly Lc data bytes "+
			"and at most one Le field", n, len(tail))
	}
	c.Data = bytes.Clone(tail[:n])
	return nil
}

func unzero(n, ifZero int) int {
	if n == 0 {
		return ifZero
	}
	return n
}
