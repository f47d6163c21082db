package globalplatform

import "bytes"

// ATR is the card's answer to reset: its profile's, or that of the P71 family.
func (c *Card) ATR() []byte {
	if atr := c.card.Profile().ATR; atr != nil {
		return bytes.Clone(atr)
	}
	return ATR()
}

// ATR is the answer to reset of a contact card of the P71 family, as issue 221 of
// github.com/martinpaljak/GlobalPlatformPro reports it (ISO/IEC 7816-3:2006 §8.2): T=1
// with blocks of 254 bytes; in the historical bytes (ISO/IEC 7816-4:2013 §12.1.1),
// selection by full and partial name. They declare no extended length, which JCAlgTest's results
// show the product to have, and the basic channel only: they are less than what the product does,
// and no bound for [card.Profile.Channels], which is assumed.
func ATR() []byte {
	return []byte{
		0x3B, 0xD5, // direct convention; TA1, TC1, TD1; five historical bytes
		0x18, 0xFF, 0x81, // Fi/Di 372/12; no extra guard time; T=1
		0x91, 0xFE, 0x1F, // TA3: IFSC 254; TD3: T=15
		0xC3,                         // TA of T=15: clock stop, classes A and B
		0x80, 0x73, 0xC8, 0x21, 0x10, // card capabilities
		0x0A, // check byte: the XOR of all but the first byte is 0
	}
}
