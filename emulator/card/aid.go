package card

import (
	"bytes"
	"encoding/hex"
	"fmt"

	"ekrona.example/apdu"
)

// AID names a package, an applet module or an applet instance: 5 to 16 bytes, the
// first five of them a registered provider (ISO/IEC 7816-4 §12.2.3, ISO/IEC 7816-5).
type AID []byte

const ridBytes = 5

// ParseAID reads an AID in hex.
func ParseAID(text string) (AID, error) {
	aid, err := hex.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("AID %q is not hex: write two digits for each byte",
			apdu.Brief(text))
	}
	if err := AID(aid).check(); err != nil {
		return nil, err
	}
	return aid, nil
}

func (a AID) check() error {
	if len(a) < ridBytes || len(a) > 16 {
		return fmt.Errorf("AID %s has %d bytes; an AID has 5 to 16", apdu.Brief(a.String()),
			len(a))
	}
	return nil
}

// String is the AID in hex, upper case.
func (a AID) String() string { return fmt.Sprintf("%X", []byte(a)) }

func (a AID) equal(b []byte) bool { return bytes.Equal(a, b) }

func (a AID) sameProvider(b []byte) bool {
	return len(b) >= ridBytes && bytes.Equal(a[:ridBytes], b[:ridBytes])
}
