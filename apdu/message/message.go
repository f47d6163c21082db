package message

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"fmt"

	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// Message is one of the nine signed messages: [Request], [Payment], [Receipt],
// [Refusal], [Challenge], [State], [Instruction], [Confirmation], [CrisisOrder].
type Message interface {
	// Layout is the message's row in the spec.
	Layout() *spec.Layout
	// values are the members in the order of the layout's fields.
	values() []layout.Value
	// check returns what is wrong beyond the single fields.
	check() error
	// signatures are those of the layout's signers, in their order.
	signatures() []*signature.Plain
}

// ErrMalformed is wrapped by every error of encoding and parsing.
var ErrMalformed = layout.ErrMalformed

// ErrSignature is wrapped by the error for a wrong signature of a message.
var ErrSignature = errors.New("message: signature wrong")

// Body encodes what is signed: the template, without signatures.
func Body(m Message) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", m.Layout().Name, err)
	}
	content, err := layout.Append(nil, m.Layout().Fields, m.values())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Layout().Name, err)
	}
	return tlv.Append(nil, m.Layout().Tag, content)
}

// Encode encodes body and signatures. It does not verify them.
func Encode(m Message) ([]byte, error) {
	out, err := Body(m)
	if err != nil {
		return nil, err
	}
	for _, s := range m.signatures() {
		if out, err = tlv.Append(out, spec.TagSignature, s[:]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Identity is the SHA-256 of the body: the same for every signature of it.
func Identity(m Message) (Hash, error) {
	body, err := Body(m)
	if err != nil {
		return Hash{}, err
	}
	return sha256.Sum256(body), nil
}

// Sign signs the body as the layout's first signer.
func Sign(m Message, signer crypto.Signer) error { return SignAs(m, 0, signer) }

// SignAs signs the body as the layout's n-th signer, from 0.
func SignAs(m Message, n int, signer crypto.Signer) error {
	slot, body, err := slotAndBody(m, n)
	if err != nil {
		return err
	}
	s, err := signature.Sign(signer, body)
	if err != nil {
		return err
	}
	*slot = s
	return nil
}

// slotAndBody is the place of the n-th signer's signature, and what it signs.
func slotAndBody(m Message, n int) (*signature.Plain, []byte, error) {
	slots := m.signatures()
	if n < 0 || n >= len(slots) {
		return nil, nil, fmt.Errorf("message: %s has %d signers, there is no number %d",
			m.Layout().Name, len(slots), n)
	}
	body, err := Body(m)
	return slots[n], body, err
}

// Verify checks every signature of the message, with one key for each signer in
// the layout's order. It does not look into a message inside: a Payment's Request
// is verified by itself.
func Verify(m Message, keys ...*ecdsa.PublicKey) error {
	if len(keys) != len(m.signatures()) {
		return fmt.Errorf("message: %s has %d signers, %d keys were given", m.Layout().Name,
			len(m.signatures()), len(keys))
	}
	for n, key := range keys {
		if err := VerifyAs(m, n, key); err != nil {
			return err
		}
	}
	return nil
}

// VerifyAs checks the signature of the layout's n-th signer, from 0.
func VerifyAs(m Message, n int, key *ecdsa.PublicKey) error {
	slot, body, err := slotAndBody(m, n)
	if err != nil {
		return err
	}
	return verifySlot(m, n, slot, key, body)
}

// VerifyBody is VerifyAs for the first signer of a message whose body is at hand: it is not encoded
// again.
func VerifyBody(m Message, body []byte, key *ecdsa.PublicKey) error {
	return verifySlot(m, 0, m.signatures()[0], key, body)
}

func verifySlot(
	m Message, n int, slot *signature.Plain, key *ecdsa.PublicKey, body []byte,
) error {
	if err := slot.Verify(key, body); err != nil {
		return fmt.Errorf("%w: %s of %s: %w", ErrSignature, m.Layout().Name, m.Layout().Signers[n],
			err)
	}
	return nil
}

// BodyIn returns the body at the front of an encoded message, which is the one that Body returns
// for what was parsed from it.
func BodyIn(encoded []byte) ([]byte, error) {
	r := tlv.NewReader(encoded)
	if _, err := r.Next(); err != nil {
		return nil, err
	}
	return encoded[:len(encoded)-len(r.Rest())], nil
}

// Parse decodes b as one message, exactly: Parse[Request](b).
func Parse[T any, P interface {
	*T
	Message
}](b []byte) (*T, error) {
	r := tlv.NewReader(b)
	m, err := Read[T, P](r)
	if err != nil {
		return nil, err
	}
	if err := layout.End(r); err != nil {
		return nil, err
	}
	return m, nil
}

// Read takes one message from the front of r.
func Read[T any, P interface {
	*T
	Message
}](r *tlv.Reader) (*T, error) {
	m := new(T)
	if err := readMessage(r, P(m)); err != nil {
		return nil, err
	}
	return m, nil
}

func readMessage(r *tlv.Reader, m Message) error {
	row := m.Layout()
	body, err := r.Expect(row.Tag)
	if err != nil {
		return layout.Malformed("%s: %w", row.Name, err)
	}
	if err := checkVersion(row.Name, body.Value); err != nil {
		return err
	}
	content := tlv.NewReader(body.Value)
	if err := layout.Read(content, row.Fields, m.values()); err != nil {
		return fmt.Errorf("%s: %w", row.Name, err)
	}
	if err := layout.End(content); err != nil {
		return fmt.Errorf("%s: %w", row.Name, err)
	}
	for i, s := range m.signatures() {
		o, err := r.Expect(spec.TagSignature)
		if err != nil {
			return layout.Malformed("%s: signature of %s: %w", row.Name, row.Signers[i], err)
		}
		if err := layout.Bytes(s[:]).UnmarshalBinary(o.Value); err != nil {
			return fmt.Errorf("%s: signature of %s: %w", row.Name, row.Signers[i], err)
		}
	}
	if err := m.check(); err != nil {
		return fmt.Errorf("%s: %w", row.Name, err)
	}
	return nil
}

// whole is a message inside another, signature included.
type whole struct{ Message }

// MarshalBinary gives the content of the data object.
func (w whole) MarshalBinary() ([]byte, error) { return Encode(w.Message) }

// UnmarshalBinary takes the content of the data object.
func (w whole) UnmarshalBinary(b []byte) error {
	r := tlv.NewReader(b)
	if err := w.ReadFrom(r); err != nil {
		return err
	}
	return layout.End(r)
}

// ReadFrom takes the message from the front of r.
func (w whole) ReadFrom(r *tlv.Reader) error { return readMessage(r, w.Message) }
