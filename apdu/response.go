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

// ParseResponse decodes a response APDU of 2 to 65538 bytes. Any two bytes at its end are taken: an
// applet can throw each of them, and some cards answer them; [StatusWord.Check] says what is wrong.
func ParseResponse(b []byte) (Response, error) {
	n := len(b) - 2
	if n < 0 || n > MaxExtendedNe {
		return Response{}, fmt.Errorf("%w: a response has 2 to %d bytes, this has %d",
			ErrResponse, MaxExtendedNe+2, len(b))
	}
	sw := StatusWord(binary.BigEndian.Uint16(b[n:]))
	return Response{Data: bytes.Clone(b[:n:n]), SW: sw}, nil
}
