package link

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
)

// ownAlerts are what a server says of a client's certificate (RFC 8446 §6.2).
var ownAlerts = []tls.AlertError{
	42,  // bad_certificate
	43,  // unsupported_certificate
	44,  // certificate_revoked
	45,  // certificate_expired
	46,  // certificate_unknown
	48,  // unknown_ca
	116, // certificate_required
}

// isOfOwn reports whether a server has refused the certificate that was shown to it. Package tls
// has no type for an alert that came, outside of QUIC: one is known by its text.
func isOfOwn(err error) bool {
	var came *net.OpError
	return errors.As(err, &came) && came.Op == "remote error" &&
		slices.ContainsFunc(ownAlerts, func(a tls.AlertError) bool {
			return came.Err.Error() == a.Error()
		})
}

// isOfCertificates reports whether one side does not take the other's certificate.
func isOfCertificates(err error) bool {
	var untrusted *tls.CertificateVerificationError
	return isOfOwn(err) || errors.As(err, &untrusted)
}

// withAdvice says which side's certificate an error is about, and so who has to do something.
func withAdvice(err error) error {
	var untrusted *tls.CertificateVerificationError
	switch {
	case isOfOwn(err):
		return fmt.Errorf("%w (the other side refuses the certificate of this one: renew it "+
			"here, or see to the roots and the clock there)", err)
	case errors.As(err, &untrusted):
		return fmt.Errorf("%w (the certificate of the other side: it has to renew it, or see "+
			"to the roots and the clock here)", err)
	}
	return err
}
