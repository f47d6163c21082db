package envelope

import (
	"fmt"
	"strings"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
)

// QR is a QR code (ISO/IEC 18004:2024) that holds the text of an envelope.
type QR struct {
	Text string // what a camera reads from it
	code barcode.Barcode
}

// quietZone is the light border, in modules (ISO/IEC 18004:2024 §9.1).
const quietZone = 4

// QR returns the code of the compact envelope, with error correction L: a screen has no scratches,
// and what is read is checked by the checksum.
func (e Envelope) QR() (QR, error) {
	text := e.Compact().Text()
	code, err := qr.Encode(text, qr.L, qr.AlphaNumeric)
	if err != nil {
		return QR{}, fmt.Errorf("envelope: QR code of %d characters: %w", len(text), err)
	}
	return QR{text, code}, nil
}

// Size returns the modules along each side, with the light border.
func (q QR) Size() int { return q.code.Bounds().Dx() + 2*quietZone }

// Colours of a terminal, as SGR parameters (ECMA-48 §8.3.117): black on white whatever its own are.
const (
	blackOnWhite = "\x1b[30;107m"
	asBefore     = "\x1b[0m"
)

// String draws the code for a terminal: a character is one module wide and two high.
func (q QR) String() string {
	var drawing strings.Builder
	for y := -quietZone; y < q.Size()-quietZone; y += 2 {
		drawing.WriteString(blackOnWhite)
		for x := -quietZone; x < q.Size()-quietZone; x++ {
			drawing.WriteString(halves[q.isDark(x, y)][q.isDark(x, y+1)])
		}
		drawing.WriteString(asBefore + "\n")
	}
	return drawing.String()
}

// halves are the characters by whether the upper and the lower module are dark.
var halves = map[bool]map[bool]string{
	true:  {true: "█", false: "▀"},
	false: {true: "▄", false: " "},
}

// isDark reports whether a module is dark; all around the code are light.
func (q QR) isDark(x, y int) bool {
	bounds := q.code.Bounds()
	if x < 0 || y < 0 || x >= bounds.Dx() || y >= bounds.Dy() {
		return false
	}
	red, _, _, _ := q.code.At(bounds.Min.X+x, bounds.Min.Y+y).RGBA()
	return red == 0
}
