package trace

import (
	"fmt"

	"ekrona/apdu"
	"ekrona/apdu/gpc"
)

// status gives the name of a status word and what it means. A security domain's is not
// looked for in vocabularies.
func (d Decoder) status(sw apdu.StatusWord, managed bool) (name, meaning string) {
	if !managed {
		for _, v := range d.Vocabularies {
			if v.Status == nil {
				continue
			}
			if name, meaning, known := v.Status(sw); known {
				return fmt.Sprintf("%04X %s", uint16(sw), name), meaning
			}
		}
	}
	if sw == apdu.OK {
		return "9000 OK", ""
	}
	return fmt.Sprintf("%04X", uint16(sw)), general(sw)
}

// general is what a status word means on every card (ISO/IEC 7816-4:2013 §5.6).
func general(sw apdu.StatusWord) string {
	switch {
	case sw>>8 == 0x61:
		return fmt.Sprintf("%d more bytes are waiting", length(sw))
	case sw>>8 == 0x6C:
		return fmt.Sprintf("Le is wrong, %d bytes are there", length(sw))
	case sw&0xFFF0 == 0x63C0:
		return fmt.Sprintf("a counter is at %d", sw&0x0F)
	}
	return gpc.Meaning(sw)
}

// length is the number of bytes that SW2 says; 00 says 256.
func length(sw apdu.StatusWord) int {
	if sw&0xFF == 0 {
		return apdu.MaxShortNe
	}
	return int(sw & 0xFF)
}
