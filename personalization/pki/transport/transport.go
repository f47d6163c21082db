// Package transport is the X.509 certificates of the connections between servers, and
// between apps and servers: a profile of RFC 5280 of P-256 with SHA-256, and a small CA
// for it. Start with [Root], [Request] and [Issue]; they work in a pki.Folder, where a
// name's certificate is NAME.crt, its request NAME.csr and the list of what it has
// revoked NAME.crl, all in PEM.
//
// A certificate's [Role] is what it is for: a CA signs certificates and lists; a
// server, which is named by its hosts, and a client or an app, which are named by a
// URI, authenticate themselves in TLS in that part alone. A root may sign CAs, which
// sign no further ones.
//
// The package trusts the roots in the folder and checks all else.
package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Role is what a certificate is for.
type Role string

// The roles.
const (
	CA     Role = "server-ca" // signs certificates and revocation lists
	Server Role = "server"    // the server's side of TLS, for its hosts
	Client Role = "client"    // a party's side as a client: an intermediary at the notary
	App    Role = "app"       // a customer's app at an intermediary
)

// Roles lists the roles.
var Roles = []Role{CA, Server, Client, App}

// Errors of this package; errors.Is finds them.
var (
	ErrMalformed = errors.New("not of the form of this profile")
	ErrUntrusted = errors.New("certificate does not lead to a root that is trusted here")
	ErrIssuer    = errors.New("certificate may not issue this")
	ErrValidity  = errors.New("validity is not one of this profile")
	ErrAnchor    = errors.New("root certificate is not the one of the fingerprint")
)

// Subject is whom a certificate is for.
type Subject struct {
	Role  Role
	Name  string   // common name; of a client or an app also in the URI
	Hosts []string // DNS names and IP addresses of a server
}

const (
	certificateLabel = "CERTIFICATE"         // RFC 7468 §5
	requestLabel     = "CERTIFICATE REQUEST" // RFC 7468 §7
	uriScheme        = "ekrona"
	nameLimitBytes   = 64 // ub-common-name, RFC 5280 §A.1
)

// Check checks that the subject is one of the profile.
func (s Subject) Check() error {
	if s.Name == "" || len(s.Name) > nameLimitBytes || strings.TrimSpace(s.Name) != s.Name {
		return fmt.Errorf("%w: a common name has 1 to %d bytes", ErrMalformed, nameLimitBytes)
	}
	switch s.Role {
	case Server:
		if len(s.Hosts) == 0 {
			return fmt.Errorf("%w: name the hosts of the server %s", ErrMalformed, s.Name)
		}
		for _, host := range s.Hosts {
			if !IsHost(host) {
				return fmt.Errorf("%w: %q is neither a DNS name nor an IP address", ErrMalformed,
					host)
			}
		}
		return nil
	case CA, Client, App:
		if len(s.Hosts) > 0 {
			return fmt.Errorf("%w: only a server has hosts", ErrMalformed)
		}
		return nil
	default:
		return fmt.Errorf("%w: no role %q; there are %q", ErrMalformed, s.Role, Roles)
	}
}

// IsHost reports whether a server can have a host in its certificate: an IP address, or a DNS name
// in lower case.
func IsHost(host string) bool { return net.ParseIP(host) != nil || isHost(host) }

// isHost: labels of letters, digits and hyphens (RFC 1123 §2.1), in lower case, of
// which the first may be a star (RFC 6125 §6.4.3).
func isHost(host string) bool {
	host = strings.TrimPrefix(host, "*.")
	if host == "" || len(host) > 253 {
		return false
	}
	for _, label := range strings.Split(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

// names are the subject's alternative names.
func (s Subject) names() (dns []string, addresses []net.IP, uris []*url.URL) {
	for _, host := range s.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			addresses = append(addresses, ip)
		} else {
			dns = append(dns, host)
		}
	}
	if s.Role == Client || s.Role == App {
		uris = []*url.URL{{Scheme: uriScheme, Opaque: string(s.Role) + ":" +
			url.PathEscape(s.Name)}}
	}
	return dns, addresses, uris
}

// subjectOf reads a subject back. What does not encode to the same is refused.
func subjectOf(
	name pkix.Name, isCA bool, dns []string, addresses []net.IP, emails []string, uris []*url.URL,
) (Subject, error) {
	s := Subject{Name: name.CommonName}
	s.Hosts = append(s.Hosts, dns...)
	for _, ip := range addresses {
		s.Hosts = append(s.Hosts, ip.String())
	}
	switch {
	case isCA:
		s.Role = CA
	case len(s.Hosts) > 0:
		s.Role = Server
	case len(uris) == 1:
		role, _, _ := strings.Cut(uris[0].Opaque, ":")
		s.Role = Role(role)
	}
	if err := s.Check(); err != nil {
		return Subject{}, err
	}
	wantDNS, wantIP, wantURI := s.names()
	same := len(wantDNS) == len(dns) && len(wantIP) == len(addresses) &&
		len(wantURI) == len(uris) && len(emails) == 0
	for i := 0; same && i < len(uris); i++ {
		same = uris[i].String() == wantURI[i].String()
	}
	if !same || len(name.Names) != 1 { // the common name and no more
		return Subject{}, fmt.Errorf(
			"%w: a %s has a common name and only the alternative names of its role", ErrMalformed,
			s.Role)
	}
	return s, nil
}

// Parse reads a certificate, one PEM block, and its subject.
func Parse(text []byte) (*x509.Certificate, Subject, error) {
	der, err := unwrap(text, certificateLabel)
	if err != nil {
		return nil, Subject{}, err
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, Subject{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	s, err := subjectOf(c.Subject, c.IsCA, c.DNSNames, c.IPAddresses, c.EmailAddresses, c.URIs)
	if err != nil {
		return nil, Subject{}, err
	}
	return c, s, checkUse(c, s)
}

// checkUse checks that a certificate is good for its role and nothing else.
func checkUse(c *x509.Certificate, s Subject) error {
	use, extended := usage(s.Role)
	if c.KeyUsage != use || len(c.ExtKeyUsage) != len(extended) || len(c.UnknownExtKeyUsage) > 0 ||
		len(extended) == 1 && c.ExtKeyUsage[0] != extended[0] || !isP256(c.PublicKey) {
		return fmt.Errorf("%w: its key is not for a %s alone, or not on P-256", ErrMalformed,
			s.Role)
	}
	return nil
}

func usage(r Role) (x509.KeyUsage, []x509.ExtKeyUsage) {
	switch r {
	case CA:
		return x509.KeyUsageCertSign | x509.KeyUsageCRLSign, nil
	case Server:
		return x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	default:
		return x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
}

func isP256(public any) bool {
	key, ok := public.(*ecdsa.PublicKey)
	return ok && key.Curve == elliptic.P256()
}

func unwrap(text []byte, label string) ([]byte, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != label || len(block.Headers) > 0 || len(rest) > 0 {
		return nil, fmt.Errorf("%w: not one PEM block %q", ErrMalformed, label)
	}
	return block.Bytes, nil
}

func wrap(label string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
}
