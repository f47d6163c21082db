package vocabulary

import (
	"encoding/binary"
	"fmt"
	"strings"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/trace"
)

// text is a value in words, or in hex when it is not what its kind says.
func text(kind spec.Kind, b []byte) string {
	switch kind {
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
	case spec.KindMessageVersion:
		if len(b) == 2 {
			return fmt.Sprintf("%d, %s", b[0], algorithm(b[1]))
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
		return trace.Shortened(b)
	}
	if len(b) == 1 {
		return byteText(kind, b[0])
	}
	return fmt.Sprintf("%X", b)
}

// algorithm is a signature algorithm in words.
func algorithm(b byte) string {
	for _, row := range spec.Algorithms {
		if row.Algorithm == b {
			return row.Text
		}
	}
	return "algorithm " + hexByte(b)
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
		names = append(names, hexByte(b))
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
