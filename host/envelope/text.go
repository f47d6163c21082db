package envelope

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
	"unicode"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
	"ekrona.example/host/crisis"
)

// The text of an envelope, for a QR code, a file, or a message of any kind: the scheme, the version
// of this encoding, and in base32 (RFC 4648 §6, without padding) the bytes of the envelope and
// their checksum. All its characters are in the alphanumeric set of QR codes (ISO/IEC 18004:2024
// §7.4.4).
const (
	scheme  = "EKRONA:"
	version = "1"

	// TextPrefix begins every text.
	TextPrefix = scheme + version + ":"

	// MaxTextLength is how many characters of a text are read.
	MaxTextLength = 1 << 16

	checksumLength = 4 // bytes
)

var textEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// checksum returns the first bytes of SHA-256. It finds what was lost or mistyped, and protects
// against nobody: the signatures do.
func checksum(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:checksumLength]
}

// Text returns an envelope, or what there is of it, and what is beside it, as one line that
// survives copying.
func (e Envelope) Text() string {
	b := append(bytes.Join(append([][]byte{e.Bytes()}, e.Provenance...), nil), e.Crisis.Bytes()...)
	return TextPrefix + textEncoding.EncodeToString(append(b, checksum(b)...))
}

// Compact returns what of an envelope its reader cannot have: the certificate of a CA is in every
// app, and the payer's phone has the payee's certificates from the Request.
func (e Envelope) Compact() Envelope {
	switch e.Kind() {
	case Receipt, Refusal:
		return Envelope{Message: e.Message}
	case Request, Payment:
	}
	return Envelope{Message: e.Message, Certificate: e.Certificate}
}

// ParseText reads a text, without regard to spaces, line breaks and case. The certificates may be
// missing, the CA's or both; the message is one of the four of [Kind]. What is in them is for its
// reader to verify. The errors say what was given, and what to do.
func ParseText(text string) (Envelope, error) {
	line := clean(text)
	if len(line) > MaxTextLength {
		return Envelope{}, fmt.Errorf("envelope: more than %d characters: give the text of one "+
			"Request, Payment, Receipt or Refusal", MaxTextLength)
	}
	body, err := withoutPrefix(line)
	if err != nil {
		return Envelope{}, err
	}
	content, err := textEncoding.DecodeString(body)
	if err == nil && textEncoding.EncodeToString(content) != body {
		err = fmt.Errorf("bits are set behind its end")
	}
	if err != nil {
		return Envelope{}, fmt.Errorf("envelope: the text is not whole (%w): copy it again, all "+
			"of it", err)
	}
	end := len(content) - checksumLength
	if end < 0 || !bytes.Equal(checksum(content[:end]), content[end:]) {
		return Envelope{}, fmt.Errorf("envelope: the checksum of the text is wrong, so that a " +
			"part is missing or was altered: copy it again, all of it")
	}
	own, beside := cutCrisis(content[:end])
	own, records, err := cutProvenance(own)
	if err != nil {
		return Envelope{}, err
	}
	e, err := parse(own, messageObjects)
	if err != nil {
		return Envelope{}, err
	}
	e.Provenance = records
	if len(beside) > 0 {
		if e.Crisis, err = crisis.Parse(beside); err != nil {
			return Envelope{}, fmt.Errorf("envelope: %w", err)
		}
	}
	if _, _, err := message.ParseSigned(e.Message); err != nil {
		return Envelope{}, fmt.Errorf("envelope: neither Request, Payment, Receipt nor Refusal: %w",
			err)
	}
	return e, nil
}

// cutCrisis divides what a text holds before the crisis order.
func cutCrisis(content []byte) (own, beside []byte) {
	for r := tlv.NewReader(content); !r.Empty(); {
		if rest := r.Rest(); r.At(spec.TagCrisisOrder) {
			return content[:len(content)-len(rest)], rest
		}
		if _, err := r.Next(); err != nil {
			break
		}
	}
	return content, nil
}

// withoutPrefix returns what comes after the prefix.
func withoutPrefix(line string) (string, error) {
	behind, is := strings.CutPrefix(line, scheme)
	if !is {
		return "", fmt.Errorf("envelope: the text begins with %q and should begin with %q: give "+
			"the text of a Request, Payment, Receipt or Refusal", line[:min(len(line), 12)],
			TextPrefix)
	}
	given, body, is := strings.Cut(behind, ":")
	if !is || given != version {
		return "", fmt.Errorf("envelope: the text is of version %q, and this app reads version "+
			"%s: update the app, or ask for the text again", given[:min(len(given), 12)], version)
	}
	return body, nil
}

// clean drops the spaces that mail and terminals put in, and writes the letters as Text does.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return -1
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		}
		return r
	}, text)
}

// IsText reports whether a text, and not the name of a file, may be meant.
func IsText(text string) bool { return strings.HasPrefix(clean(text), scheme) }

// Kind is what a message is, in the words of the protocol.
type Kind string

// The messages that pass between payer and payee.
const (
	Request Kind = "Request"
	Payment Kind = "Payment"
	Receipt Kind = "Receipt"
	Refusal Kind = "Refusal"
)

// Kind returns what the message of an envelope is, empty where it is none of the four.
func (e Envelope) Kind() Kind {
	m, _, err := message.ParseSigned(e.Message)
	if err != nil {
		return ""
	}
	switch m.(type) {
	case *message.Request:
		return Request
	case *message.Payment:
		return Payment
	case *message.Receipt:
		return Receipt
	case *message.Refusal:
		return Refusal
	}
	return ""
}
