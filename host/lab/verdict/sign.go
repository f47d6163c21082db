package verdict

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"ekrona.example/apdu/signature"
)

// What a signature is over, before the page: it can be taken for a signature of nothing else.
const signedAs = "ekrona conformance report\n"

// The last line of a signed page.
const (
	signatureBegin = "<!-- ekrona-signature ecdsa-p256-sha256 "
	signatureEnd   = " -->\n"
)

// Errors of [Verify] and [Embedded].
var (
	ErrUnsigned = errors.New("the page is not signed")
	ErrAltered  = errors.New("the page was changed after it was signed, or the signature was")
	ErrNoReport = errors.New("the page holds no report")
)

// Signed is who signed a page.
type Signed struct {
	Key         *ecdsa.PublicKey
	Fingerprint string // SHA-256 of the key's point 04 || X || Y, in hex
}

// Fingerprint is SHA-256 of a public key's point 04 || X || Y, in hex.
func Fingerprint(key *ecdsa.PublicKey) (string, error) {
	point, err := signature.Point(key)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(point)
	return hex.EncodeToString(sum[:]), nil
}

// Sign adds a signature to a page, as its last line: the key's point and r || s, in base64.
func Sign(signer crypto.Signer, page []byte) ([]byte, error) {
	key, err := signature.PublicKey(signer)
	if err != nil {
		return nil, err
	}
	point, err := signature.Point(key)
	if err != nil {
		return nil, err
	}
	if len(page) > 0 && page[len(page)-1] != '\n' {
		page = append(bytes.Clone(page), '\n')
	}
	s, err := signature.Sign(signer, append([]byte(signedAs), page...))
	if err != nil {
		return nil, err
	}
	line := signatureBegin + base64.StdEncoding.EncodeToString(point) + " " +
		base64.StdEncoding.EncodeToString(s[:]) + signatureEnd
	return append(bytes.Clone(page), line...), nil
}

// split parts a page from the line with its signature.
func split(page []byte) (content, line []byte, ok bool) {
	at := bytes.LastIndex(page, []byte(signatureBegin))
	if at < 0 || at > 0 && page[at-1] != '\n' {
		return nil, nil, false
	}
	line, ok = bytes.CutSuffix(page[at+len(signatureBegin):], []byte(signatureEnd))
	return page[:at], line, ok
}

// Verify verifies the signature of a page. It says who signed, and nothing of whether that one is
// to be trusted. Errors: [ErrUnsigned], [ErrAltered].
func Verify(page []byte) (Signed, error) {
	content, line, ok := split(page)
	if !ok {
		if bytes.Contains(page, []byte(signatureBegin)) {
			return Signed{}, ErrAltered
		}
		return Signed{}, ErrUnsigned
	}
	encodedPoint, encodedSignature, _ := bytes.Cut(line, []byte(" "))
	point, err := base64.StdEncoding.Strict().DecodeString(string(encodedPoint))
	if err != nil {
		return Signed{}, ErrAltered
	}
	key, err := signature.ParsePoint(point)
	if err != nil {
		return Signed{}, ErrAltered
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(string(encodedSignature))
	var s signature.Plain
	if err != nil || len(raw) != len(s) {
		return Signed{}, ErrAltered
	}
	copy(s[:], raw)
	if s.Verify(key, append([]byte(signedAs), content...)) != nil {
		return Signed{}, ErrAltered
	}
	fingerprint, err := Fingerprint(key)
	return Signed{key, fingerprint}, err
}

// The element of a page that holds the report.
const (
	reportBegin = `<script type="application/json" id="report">`
	reportEnd   = `</script>`
)

// Embedded is the report in a page, as JSON.
func Embedded(page []byte) (json.RawMessage, error) {
	_, rest, found := bytes.Cut(page, []byte(reportBegin))
	raw, _, ended := bytes.Cut(rest, []byte(reportEnd))
	if !found || !ended {
		return nil, ErrNoReport
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoReport, err)
	}
	return out.Bytes(), nil
}
