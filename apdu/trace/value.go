package trace

import (
	"encoding/binary"
	"fmt"
	"strings"

	"ekrona/apdu/message"
	"ekrona/apdu/money"
	"ekrona/apdu/spec"
)

// nameWidth aligns the values of a template.
const nameWidth = 22

// value shows one value under its name; parts of a fixed layout go beneath it.
func (p *printer) value(name string, kind spec.Kind, b []byte) {
	parts, size := partsOf(kind)
	if parts == nil {
		p.line("%-*s %s", nameWidth, name, valueText(kind, b))
		return
	}
	p.line("%s: %d", name, len(b)/size)
	p.depth++
	defer func() { p.depth-- }()
	for ; len(b) >= size; b = b[size:] {
		at := 0
		for _, part := range parts {
			p.value(part.Name, part.Kind, b[at:at+part.Length])
			at += part.Length
		}
	}
	if len(b) > 0 {
		p.line("%X left over", b)
	}
}

// partsOf gives the layout of values without tags, and its length.
func partsOf(kind spec.Kind) ([]spec.Part, int) {
	switch kind {
	case spec.KindPolicy:
		return spec.PolicyLayout, spec.PolicyLength
	case spec.KindOpenRequests:
		return spec.OpenRequestLayout, spec.OpenRequestLength
	}
	return nil, 0
}

// valueText is a value in words, or in hex when it is not what its kind says.
func valueText(kind spec.Kind, b []byte) string {
	switch kind {
	case spec.KindSecret:
		return fmt.Sprintf("%d bytes, hidden", len(b))
	case spec.KindDeviceID, spec.KindAuthority, spec.KindHolder:
		if isPrintable(b) {
			return string(b)
		}
	case spec.KindAmount:
		if len(b) == spec.AmountLength {
			return money.Ore(binary.BigEndian.Uint32(b)).String()
		}
	case spec.KindCounter:
		if len(b) <= 8 {
			return fmt.Sprint(number(b))
		}
	case spec.KindVersion:
		if len(b) == 2 {
			return fmt.Sprintf("%d.%d", b[0], b[1])
		}
	case spec.KindCurrency:
		if len(b) == 2 && number(b) == spec.Currency {
			return "SEK"
		}
	case spec.KindDate:
		if d, err := message.DateFromBytes(b); err == nil {
			return d.String()
		}
	case spec.KindObject:
		switch string(b) {
		case spec.OIDECDSASHA256:
			return "id-TA-ECDSA-SHA-256"
		case spec.OIDRole:
			return "e-krona role"
		}
	case spec.KindHash, spec.KindPoint, spec.KindSignature:
		return shortened(b)
	}
	if len(b) == 1 {
		return byteText(kind, b[0])
	}
	return fmt.Sprintf("%X", b)
}

// byteText is a one-byte value in words.
func byteText(kind spec.Kind, b byte) string {
	switch kind {
	case spec.KindRole:
		return spec.Role(b).String()
	case spec.KindLifeCycle:
		return spec.LifeCycle(b).String()
	case spec.KindCredit:
		return spec.CreditVerdict(b).String()
	case spec.KindActions:
		return bits(spec.Actions, b)
	case spec.KindFlags:
		return bits(spec.Flags, b)
	case spec.KindCapabilities:
		return bits(spec.Capabilities, b)
	}
	return hexByte(b)
}

func hexByte(b byte) string { return fmt.Sprintf("%02X", b) }

// bits names the bits that are set.
func bits(rows []spec.BitRow, b byte) string {
	var names []string
	for _, row := range rows {
		if b&row.Bit != 0 {
			names = append(names, row.Name)
			b &^= row.Bit
		}
	}
	if b != 0 {
		names = append(names, fmt.Sprintf("%02X", b))
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}

func number(b []byte) uint64 {
	n := uint64(0)
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

func isPrintable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// shortened is the beginning of bytes that say nothing to a reader.
func shortened(b []byte) string {
	const shown = 8
	if len(b) <= shown {
		return fmt.Sprintf("%X", b)
	}
	return fmt.Sprintf("%X.. (%d bytes)", b[:shown], len(b))
}
