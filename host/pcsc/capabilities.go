package pcsc

import (
	"encoding/binary"
	"math/bits"

	"ekrona.example/apdu"
)

// cardTakesExtended reads from the answer to reset whether the card takes extended APDUs: the card
// capabilities among the historical bytes (ISO/IEC 7816-4:2013 §12.1.1.9). A card whose answer does
// not say so does not.
func cardTakesExtended(atr []byte) bool {
	const capabilities, extended = 0x7, 0x40 // tag, and the bit in the third byte
	for objects := compactTLV(historical(atr)); len(objects) > 0; {
		tag, length := objects[0]>>4, int(objects[0]&0x0F)
		objects = objects[1:]
		if length > len(objects) {
			return false
		}
		if tag == capabilities && length == 3 {
			return objects[2]&extended != 0
		}
		objects = objects[length:]
	}
	return false
}

// historical finds the historical bytes of an answer to reset (ISO/IEC 7816-3:2006
// §8.2): nil if there are none or it is malformed.
func historical(atr []byte) []byte {
	if len(atr) < 2 {
		return nil
	}
	at, count := 1, int(atr[1]&0x0F)
	// Each Y nibble says which of TA, TB, TC, TD follow; TD has the next one.
	for y := atr[1] >> 4; y != 0; {
		at += bits.OnesCount8(y)
		if at >= len(atr) {
			return nil
		}
		if y&0x8 == 0 {
			break
		}
		y = atr[at] >> 4
	}
	if at+1+count > len(atr) {
		return nil
	}
	return atr[at+1 : at+1+count]
}

// compactTLV returns the part of historical bytes that is data objects (ISO/IEC
// 7816-4:2013 §12.1.1.1): under category 00 three bytes of status follow them.
func compactTLV(historical []byte) []byte {
	switch {
	case len(historical) >= 4 && historical[0] == 0x00:
		return historical[1 : len(historical)-3]
	case len(historical) >= 1 && historical[0] == 0x80:
		return historical[1:]
	}
	return nil
}

// Control codes and tags of PC/SC 2, part 10 (§2.2, §2.3, §2.5.12).
const (
	getFeatures       = 0x42000000 + 3400 // CM_IOCTL_GET_FEATURE_REQUEST as pcsc-lite counts
	featureProperties = 0x12              // FEATURE_GET_TLV_PROPERTIES
	propertyMaxAPDU   = 0x0A              // dwMaxAPDUDataSize, little endian
)

// readerCarriesExtended asks the reader's driver for the longest APDU. A driver that does not say
// is assumed to carry what the card takes.
func readerCarriesExtended(h handle) bool {
	features, err := h.control(getFeatures, nil)
	if err != nil {
		return true
	}
	number, found := simpleTLV(features, featureProperties)
	if !found || len(number) != 4 {
		return true
	}
	properties, err := h.control(binary.BigEndian.Uint32(number), nil)
	if err != nil {
		return true
	}
	longest, found := simpleTLV(properties, propertyMaxAPDU)
	if !found || len(longest) != 4 {
		return true
	}
	return binary.LittleEndian.Uint32(longest) >= apdu.MaxExtendedData
}

// simpleTLV finds a value in a row of one-byte tags and lengths.
func simpleTLV(objects []byte, tag byte) (value []byte, found bool) {
	for len(objects) >= 2 {
		length := int(objects[1])
		if 2+length > len(objects) {
			return nil, false
		}
		if objects[0] == tag {
			return objects[2 : 2+length], true
		}
		objects = objects[2+length:]
	}
	return nil, false
}
