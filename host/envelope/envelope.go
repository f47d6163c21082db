// Package envelope defines what phones, terminals and servers pass to each other over any channel
// (NFC, QR, a file): a signed message with the certificates that its reader may need. The message
// protects itself; an envelope adds no trust.
//
// Start at [Envelope]. Its bytes are the data objects one after the other, so
// nothing has to be agreed on beyond the spec's own layouts. Between two phones it is a text
// ([Envelope.Text], [ParseText]) that a QR code, a file or a message carries.
package envelope

import (
	"bytes"
	"fmt"

	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
	"ekrona.example/host/crisis"
)

// Envelope is a message, the certificate of the device that signed it and the
// certificate of the CA that certified the device.
type Envelope struct {
	Message     []byte `json:"message,omitempty"`     // signed message, body and 5F37
	Certificate []byte `json:"certificate,omitempty"` // 7F21 of the device
	Authority   []byte `json:"authority,omitempty"`   // 7F21 of its CA
	// Crisis is the crisis order that the sender's phone carries. It is in a text or a file, never
	// in a QR code, and no part of the bytes.
	Crisis crisis.Carried `json:"crisis,omitzero"`
	// Provenance are accept records, each a Receipt and its Payment: unsettled payments that funded
	// this one. They are where the crisis order is, before it; others' payments show in them.
	Provenance [][]byte `json:"provenance,omitempty"`
}

// Bytes returns message, certificate and authority, joined.
func (e Envelope) Bytes() []byte {
	return bytes.Join([][]byte{e.Message, e.Certificate, e.Authority}, nil)
}

// Parse takes an envelope apart: one message with one signature, two certificates
// and nothing after. What is in them is for its reader to verify.
func Parse(b []byte) (Envelope, error) { return parse(b, len(expected)) }

// parse takes an envelope apart of which at least so many data objects must be there.
func parse(b []byte, least int) (Envelope, error) {
	reader := tlv.NewReader(b)
	var parts [len(expected)][]byte
	for n := range parts {
		if n >= least && reader.End() == nil {
			break
		}
		object, err := reader.Next()
		if err != nil {
			return Envelope{}, fmt.Errorf("envelope: %w", err)
		}
		if want := expected[n]; want != 0 && object.Tag != want {
			return Envelope{}, fmt.Errorf(
				"envelope: data object %d is %v and should be %v: ask for the message again", n+1,
				object.Tag, want)
		}
		parts[n] = object.Raw
	}
	if err := reader.End(); err != nil {
		return Envelope{}, fmt.Errorf("envelope: %w", err)
	}
	return Envelope{Message: bytes.Join(parts[:messageObjects], nil), Certificate: parts[2],
		Authority: parts[3]}, nil
}

// expected are the tags of an envelope's data objects; 0 is any message.
var expected = [4]tlv.Tag{0, spec.TagSignature, spec.TagCertificate, spec.TagCertificate}

// messageObjects is how many of them are the message.
const messageObjects = 2
