package engine

// Padding is a way to fill the last block of a message.
type Padding byte

// The paddings of the Java Card API for block ciphers.
const (
	// PadNone takes whole blocks only.
	PadNone Padding = iota
	// PadISO9797M1 fills with zeros: none if the message is whole blocks, a block of
	// them if it is empty (ISO/IEC 9797-1:2011 §6.3.2). It cannot be removed again.
	PadISO9797M1
	// PadISO9797M2 appends 80 and zeros (ISO/IEC 9797-1 padding method 2).
	PadISO9797M2
	// PadPKCS5 appends n bytes of value n (RFC 8018 §6.1.1 step 4).
	PadPKCS5
)

// pad completes rest, which is shorter than a block or, for PadNone, must be empty.
// empty reports that the whole message is empty.
func (p Padding) pad(rest []byte, blockSize int, empty bool) ([]byte, error) {
	missing := blockSize - len(rest)
	switch p {
	case PadISO9797M1:
		if len(rest) == 0 && !empty {
			return rest, nil
		}
		return append(rest, make([]byte, missing)...), nil
	case PadISO9797M2:
		rest = append(rest, 0x80)
		return append(rest, make([]byte, missing-1)...), nil
	case PadPKCS5:
		for range missing {
			rest = append(rest, byte(missing))
		}
		return rest, nil
	default:
		if len(rest) != 0 {
			return nil, ErrLength
		}
		return rest, nil
	}
}

// unpad removes the padding from the last deciphered block.
func (p Padding) unpad(last []byte) ([]byte, error) {
	switch p {
	case PadISO9797M2:
		for i := len(last) - 1; i >= 0; i-- {
			switch last[i] {
			case 0x00:
			case 0x80:
				return last[:i], nil
			default:
				return nil, ErrPadding
			}
		}
		return nil, ErrPadding
	case PadPKCS5:
		if len(last) == 0 {
			return nil, ErrPadding
		}
		n := int(last[len(last)-1])
		if n == 0 || n > len(last) {
			return nil, ErrPadding
		}
		for _, b := range last[len(last)-n:] {
			if int(b) != n {
				return nil, ErrPadding
			}
		}
		return last[:len(last)-n], nil
	default:
		return last, nil
	}
}
