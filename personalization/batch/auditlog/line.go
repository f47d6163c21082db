package auditlog

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ekrona.example/apdu/signature"
)

// Domain goes before what is signed, so that no signature over a line is one over
// anything else that the key signs: certificates begin with 7F4E.
const Domain = "ekrona audit log 1\n"

// Entry is the content of a line.
type Entry struct {
	Number int               `json:"n"` // 1 for the first
	At     time.Time         `json:"at"`
	Event  string            `json:"event"`
	Fields map[string]string `json:"fields,omitempty"`
	// SHA-256 of the line before in hex; of nothing for the first
	Previous string `json:"prev"`
}

// Head names a log up to a line. The zero Head is the empty log.
type Head struct {
	Number int
	Hash   [sha256.Size]byte // of the line, without its end
}

// String is what [ParseHead] reads: number and hash.
func (h Head) String() string { return fmt.Sprintf("%d:%x", h.Number, h.Hash) }

// ParseHead reads what String wrote.
func ParseHead(text string) (Head, error) {
	number, hash, found := strings.Cut(text, ":")
	n, err := strconv.Atoi(number)
	raw, hexErr := hex.DecodeString(hash)
	h := Head{Number: n}
	if copy(h.Hash[:], raw); !found || err != nil || hexErr != nil || len(raw) != len(h.Hash) ||
		h.String() != text {
		return Head{}, fmt.Errorf("audit log: %q is no head: give number and hash as \"ekrona "+
			"issue log\" prints them, such as 12:5f1c...", text)
	}
	return h, nil
}

func (h Head) previous() string {
	if h.Number == 0 {
		return ""
	}
	return hex.EncodeToString(h.Hash[:])
}

// Next makes the line that comes after head, without its end, and the new head.
func Next(
	head Head, at time.Time, event string, fields map[string]string, key crypto.Signer,
) (string, Head, error) {
	body, err := json.Marshal(Entry{Number: head.Number + 1,
		At: at.UTC().Truncate(time.Millisecond), Event: event, Fields: fields,
		Previous: head.previous()})
	if err != nil {
		return "", head, fmt.Errorf("audit log: %w", err)
	}
	signed, err := signature.Sign(key, append([]byte(Domain), body...))
	if err != nil {
		return "", head, fmt.Errorf("audit log: signing line %d: %w", head.Number+1, err)
	}
	line := string(body) + " " + base64.RawURLEncoding.EncodeToString(signed[:])
	return line, Head{head.Number + 1, sha256.Sum256([]byte(line))}, nil
}

// parse reads a line and checks its signature. What it accepts encodes back to the
// same line.
func parse(line []byte, key *ecdsa.PublicKey) (Entry, error) {
	var e Entry
	at := bytes.LastIndexByte(line, ' ')
	if at < 0 {
		return e, fmt.Errorf("it has no signature")
	}
	body := line[:at]
	raw, err := base64.RawURLEncoding.Strict().DecodeString(string(line[at+1:]))
	var signed signature.Plain
	if err != nil || len(raw) != len(signed) {
		return e, fmt.Errorf("its signature is not one")
	}
	copy(signed[:], raw)
	if signed.Verify(key, append([]byte(Domain), body...)) != nil {
		return e, fmt.Errorf(
			"its signature is not that of this key: it was changed, or another key wrote it")
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return e, fmt.Errorf("it is no entry: %w", err)
	}
	if again, err := json.Marshal(e); err != nil || !bytes.Equal(again, body) {
		return e, fmt.Errorf("it is not written as this program writes")
	}
	return e, nil
}
