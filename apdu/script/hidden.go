package script

import (
	"errors"
	"fmt"
	"strings"

	"ekrona.example/apdu"
)

// ErrHidden is wrapped by the error of a line with bytes that are not known.
var ErrHidden = errors.New("hidden bytes")

// unknown is what stands for a byte that is not known.
const unknown = "??"

// Whole returns the error of a step that cannot be sent, since bytes of it are not known.
func (s Step) Whole() error {
	n := 0
	for _, h := range s.Hidden {
		n += h.To - h.From
	}
	switch n {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("%w: 1 byte of this command was hidden where it was recorded: write it "+
			"in the place of %s", ErrHidden, unknown)
	}
	return fmt.Errorf("%w: %d bytes of this command were hidden where it was recorded: write them "+
		"in the place of %s", ErrHidden, n, strings.Repeat(unknown, 2))
}

// isBytes reports whether a word is whole bytes in hex, or such as are not known.
func isBytes(word string) bool { return isHex(strings.ReplaceAll(word, unknown, "00")) }

// parseHidden reads bytes in hex, with or without blanks, of which some are not known.
func parseHidden(text string) (raw []byte, hidden []apdu.Span, err error) {
	if !strings.Contains(text, "?") {
		raw, err = apdu.ParseHex(text)
		return raw, nil, err
	}
	text = strings.Join(strings.Fields(text), "")
	if raw, err = apdu.ParseHex(strings.ReplaceAll(text, unknown, "00")); err != nil {
		return nil, nil, err
	}
	for i := range raw {
		if text[2*i:2*i+2] != unknown {
			continue
		}
		if last := len(hidden) - 1; last >= 0 && hidden[last].To == i {
			hidden[last].To++
		} else {
			hidden = append(hidden, apdu.Span{From: i, To: i + 1})
		}
	}
	return raw, hidden, nil
}

// hexText is bytes in hex, those hidden as "??".
func hexText(raw []byte, hidden []apdu.Span) string {
	text := []byte(fmt.Sprintf("%X", raw))
	for _, h := range hidden {
		for i := max(0, 2*h.From); i < min(2*h.To, len(text)); i++ {
			text[i] = unknown[0]
		}
	}
	return string(text)
}

// dataAt is where the data begin in an encoded command (ISO/IEC 7816-3:2006 §12.1.3).
func dataAt(c apdu.Command) int {
	const header, short, extended = 4, 5, 7
	switch {
	case len(c.Data) == 0:
		return header
	case c.IsExtended():
		return extended
	}
	return short
}

// Hide marks bytes of a recorded answer as hidden: whatever stands there is expected.
func (e *Expected) Hide(spans []apdu.Span) {
	if e.Data == nil {
		return
	}
	for _, s := range spans {
		for i := max(0, s.From); i < min(s.To, len(e.Data.Bytes)); i++ {
			e.Data.Any[i], e.Data.Bytes[i] = true, 0
		}
	}
}
