package apdu

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Response is a response APDU: data and the status word SW1-SW2 (ISO/IEC
// 7816-3:2006 §12.1.1).
type Response struct {
	Data []byte
	SW   StatusWord
}

// Err is nil for 9000 and the [StatusWord] for everything else.
func (r Response) Err() error {
	if r.SW == OK {
		return nil
	}
	return r.SW
}

// Bytes encodes the response: data, SW1, SW2.
func (r Response) Bytes() []byte {
	return binary.BigEndian.AppendUint16(bytes.Clone(r.Data), uint16(r.SW))
}

// ErrResponse is wrapped by the errors of [ParseResponse]: what came is no response.
var ErrResponse = errors.New("apdu")

// NoStatusWord is the error of a response that ends with what is no status word. It is an
// [ErrResponse].
type NoStatusWord uint16

// Error names the two bytes.
func (w NoStatusWord) Error() string {
	return fmt.Sprintf("apdu: %04X is no status word; it begins with 61 to 6F or 90 to 9F",
		uint16(w))
}

// Is matches ErrResponse.
func (w NoStatusWord) Is(target error) bool { return target == ErrResponse }

// ParseResponse decodes a response APDU of 2 to 65538 bytes. SW1 is 61 to 6F or
// 90 to 9F (ISO/IEC 7816-3:2006 §12.1.4); 60 is a procedure byte of T=0 and never
// a status.
func ParseResponse(b []byte) (Response, error) {
	n := len(b) - 2
	if n < 0 || n > MaxExtendedNe {
		return Response{}, fmt.Errorf("%w: a response has 2 to %d bytes, this has %d",
			ErrResponse, MaxExtendedNe+2, len(b))
	}
	sw := StatusWord(binary.BigEndian.Uint16(b[n:]))
	if hi := sw & 0xF000; hi != 0x6000 && hi != 0x9000 || sw>>8 == 0x60 {
		return Response{}, NoStatusWord(sw)
	}
	return Response{Data: bytes.Clone(b[:n:n]), SW: sw}, nil
}
