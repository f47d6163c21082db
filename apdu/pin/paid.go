package pin

import (
	"fmt"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
)

// paid are the fields of spec.PayPaid: what a payee does not know of a Payment of its Request and
// of the payer's certificate.
type paid struct {
	payment     message.Payment
	certificate cvc.Certificate
	number      [spec.AuthorityLength - spec.NameLength]byte
	point       [spec.PointLength - 1]byte
	holder      [spec.DeviceIDLength]byte
}

func (p *paid) values() []layout.Value {
	ofPayer := func(r spec.Role) bool { return r.CanPay() }
	return []layout.Value{layout.Bytes(p.payment.Signature[:]), (*layout.Uint32)(&p.payment.ATC),
		layout.Bytes(p.number[:]), layout.Bytes(p.point[:]), layout.Bytes(p.holder[:]),
		layout.ByteOf[spec.Role]{P: &p.certificate.Role, Valid: ofPayer},
		&p.certificate.Effective, &p.certificate.Expiry, layout.Bytes(p.certificate.Signature[:])}
}

// uncompressed is the first byte of a point (SEC 1 §2.3.3).
const uncompressed = 0x04

// readPaid puts Payment and certificate together. An earlier PAY may have carried the other form of
// the Request's signature: the Payment is then signed over that.
func readPaid(plain []byte, request *message.Request) (answer PaymentAnswer, err error) {
	var p paid
	if err := layout.ReadExactly(plain, spec.PayPaid, p.values()); err != nil {
		return answer, fmt.Errorf("%w (%v)", ErrPaymentAnswer, err)
	}
	c := &p.certificate
	c.Holder = cvc.Holder(p.holder[:])
	c.Authority = message.AuthorityRef(string(p.holder[:spec.NameLength]) + string(p.number[:]))
	c.PublicKey, err = signature.ParsePoint(append([]byte{uncompressed}, p.point[:]...))
	if err != nil {
		return answer, fmt.Errorf("%w (%v)", ErrPaymentAnswer, err)
	}
	p.payment.Payer, p.payment.Request = message.DeviceID(p.holder[:]), *request
	if message.Verify(&p.payment, c.PublicKey) != nil {
		p.payment.Request.Signature = request.Signature.Other()
		if message.Verify(&p.payment, c.PublicKey) != nil {
			p.payment.Request.Signature = request.Signature
		}
	}
	if answer.Payment, err = message.Encode(&p.payment); err == nil {
		answer.Certificate, err = c.Encode()
	}
	if err != nil {
		return PaymentAnswer{}, fmt.Errorf("%w (%v)", ErrPaymentAnswer, err)
	}
	return answer, nil
}

// SealPaid enciphers a Payment of a Request, with its payer's certificate, as [Agreement.Seal]
// does.
func (a *Agreement) SealPaid(
	payment *message.Payment, certificate *cvc.Certificate,
) ([]byte, error) {
	p := paid{payment: *payment, certificate: *certificate}
	point, err := signature.Point(certificate.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("pin: %w", err)
	}
	copy(p.point[:], point[1:])
	copy(p.holder[:], certificate.Holder)
	copy(p.number[:], certificate.Authority[spec.NameLength:])
	plain, err := layout.Append(nil, spec.PayPaid, p.values())
	if err != nil {
		return nil, err
	}
	return a.Seal(plain, &payment.Request)
}
