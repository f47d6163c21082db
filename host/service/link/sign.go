package link

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
)

// Header fields of requests and answers.
const (
	NonceHeader     = "Replay-Nonce" // a number for the caller's next request (RFC 8555 §6.5)
	RequestHeader   = "X-Request-Id" // names a request at every node that it reaches
	digestHeader    = "Content-Digest"
	inputHeader     = "Signature-Input"
	signatureHeader = "Signature"
)

// Key names the registered key that signs a request.
type Key struct {
	// Customer is the intermediary's own reference of a customer, for the key of the app; otherwise
	// Device is a terminal, for its own key.
	Customer string
	Device   message.DeviceID
}

const (
	customerKey = "customer:"
	deviceKey   = "device:"
	maxKeyID    = 256
)

// String returns the key's id as it is sent.
func (k Key) String() string {
	if k.Device != "" {
		return deviceKey + string(k.Device)
	}
	return customerKey + url.PathEscape(k.Customer)
}

// parseKey reads what String writes.
func parseKey(id string) (k Key, err error) {
	if device, is := strings.CutPrefix(id, deviceKey); is {
		k.Device, err = message.ParseDeviceID(device)
		return k, err
	}
	if customer, is := strings.CutPrefix(id, customerKey); is {
		k.Customer, err = url.PathUnescape(customer)
	}
	if err == nil && (k.Customer == "" || k.String() != id) {
		err = fmt.Errorf("key id %q: give %sNAME or %sID", id, customerKey, deviceKey)
	}
	return k, err
}

// Signer signs the requests of a phone or a terminal.
type Signer struct {
	Key    Key
	Signer crypto.Signer // the registered key, on P-256
}

// components are what a signature covers, in this order, and nothing else.
const components = `("@method" "@authority" "@path" "content-digest")`

// parameters are those of a signature (RFC 9421 §2.3). The number ends its time.
func parameters(nonce, key string) string {
	return components + `;nonce="` + nonce + `";keyid="` + key + `";alg="ecdsa-p256-sha256"`
}

// base is what is signed (RFC 9421 §2.5).
func base(method, authority, path, digest, parameters string) []byte {
	return []byte(`"@method": ` + method + "\n" + `"@authority": ` + strings.ToLower(authority) +
		"\n" + `"@path": ` + path + "\n" + `"content-digest": ` + digest + "\n" +
		`"@signature-params": ` + parameters)
}

// digestOf is the content's digest (RFC 9530 §2).
func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// sign adds to a request its digest and the signature.
func (s Signer) sign(r *http.Request, content []byte, nonce string) error {
	given, digest := parameters(nonce, s.Key.String()), digestOf(content)
	signed, err := signature.Sign(s.Signer,
		base(r.Method, r.URL.Host, r.URL.EscapedPath(), digest, given))
	if err != nil {
		return fmt.Errorf("request signed by %s: %w", s.Key, err)
	}
	r.Header.Set(digestHeader, digest)
	r.Header.Set(inputHeader, "ekrona="+given)
	r.Header.Set(signatureHeader, "ekrona=:"+base64.StdEncoding.EncodeToString(signed[:])+":")
	return nil
}

// Signed is the signature of a request, read and not yet verified.
type Signed struct {
	Key   Key
	Nonce string

	signature signature.Plain
	base      []byte
}

// patterns are compiled when the first request comes, and not by each program.
var patterns = sync.OnceValues(func() (input, signature *regexp.Regexp) {
	return regexp.MustCompile(`^ekrona=` + regexp.QuoteMeta(components) +
			`;nonce="([A-Za-z0-9_-]{1,64})";keyid="([!#-\[\]-~]{1,256})";alg="ecdsa-p256-sha256"$`),
		regexp.MustCompile(`^ekrona=:([A-Za-z0-9+/]{86}==):$`)
})

// ReadSigned reads the signature of a request that has arrived whole. Errors: [Signature].
func ReadSigned(r *http.Request, content []byte) (s Signed, err error) {
	digest, given := one(r, digestHeader), one(r, inputHeader)
	ofInput, ofSignature := patterns()
	input := ofInput.FindStringSubmatch(given)
	encoded := ofSignature.FindStringSubmatch(one(r, signatureHeader))
	switch {
	case given == "":
		return s, &Refused{Rule: Signature, Detail: "sign it with the registered key"}
	case input == nil || encoded == nil:
		return s, &Refused{Rule: Signature, Detail: "it is not of the form that belongs here"}
	case digest != digestOf(content):
		return s, &Refused{Rule: Signature, Detail: "the digest is not that of the content"}
	}
	plain, err := base64.StdEncoding.Strict().DecodeString(encoded[1])
	if err != nil || copy(s.signature[:], plain) != len(s.signature) {
		return s, &Refused{Rule: Signature, Detail: "it is not r || s of 64 bytes"}
	}
	if s.Key, err = parseKey(input[2]); err != nil {
		return s, &Refused{Rule: Signature, Detail: err.Error()}
	}
	s.Nonce = input[1]
	s.base = base(r.Method, r.Host, r.URL.EscapedPath(), digest, parameters(s.Nonce, input[2]))
	return s, nil
}

// one is a header field that stands once; empty otherwise.
func one(r *http.Request, name string) string {
	if values := r.Header.Values(name); len(values) == 1 {
		return values[0]
	}
	return ""
}

// Verify checks the signature with the registered key. Errors: [Signature].
func (s Signed) Verify(registered *ecdsa.PublicKey) error {
	if err := s.signature.Verify(registered, s.base); err != nil {
		return &Refused{Rule: Signature, Detail: fmt.Sprintf("it is not by the key of %s", s.Key)}
	}
	return nil
}
