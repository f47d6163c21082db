package pki

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/transport"
)

// subjectFlags name the holder of a certificate and its last day.
type subjectFlags struct {
	role, holder, commonName, until string
	hosts                           []string
}

func (s *subjectFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&s.role, "role", "", "role of the key: "+strings.Join(roleNames(), ", "))
	s.addNames(c)
	c.Flags().StringSliceVar(&s.hosts, "host", nil,
		"a server's DNS name or IP address (repeat for more)")
}

func (s *subjectFlags) addNames(c *cobra.Command) {
	c.Flags().StringVar(&s.holder, "holder", "",
		"card-verifiable: authority (8 characters and 5 digits) or device id (16 characters)")
	c.Flags().StringVar(&s.commonName, "common-name", "",
		"X.509: name of the CA, server, client or app")
	s.addUntil(c)
}

func (s *subjectFlags) addUntil(c *cobra.Command) {
	c.Flags().StringVar(&s.until, "until", "",
		"last day, YYYY-MM-DD (default: the usual one for the role)")
}

// Years that certificates are good for without --until.
const (
	rootYears      = 20
	authorityYears = 10
	deviceYears    = 4
	leafYears      = 1
)

// cardRoles are the roles of card-verifiable certificates whose keys are made here;
// those of cards are made on cards, by "ekrona issue".
func cardRoles() map[string]spec.Role {
	roles := map[string]spec.Role{}
	for _, row := range spec.Roles {
		if !row.Role.CanPay() {
			roles[strings.ReplaceAll(strings.ToLower(row.Name), "_", "-")] = row.Role
		}
	}
	return roles
}

func roleNames() []string {
	var names []string
	for _, row := range spec.Roles {
		for name, role := range cardRoles() {
			if role == row.Role && role != spec.RoleRoot {
				names = append(names, name)
			}
		}
	}
	for _, role := range transport.Roles {
		names = append(names, string(role))
	}
	return names
}

// isTransport reports whether the role is one of X.509 certificates.
func (s *subjectFlags) isTransport() (bool, error) {
	if _, known := cardRoles()[s.role]; known {
		return false, nil
	}
	for _, role := range transport.Roles {
		if string(role) == s.role {
			return true, nil
		}
	}
	return false, cli.Usage("--role: no role %q to make a key for; choose %s", s.role,
		strings.Join(roleNames(), ", "))
}

// ofTransport is the subject of an X.509 certificate.
func (s *subjectFlags) ofTransport() (transport.Subject, error) {
	subject := transport.Subject{Role: transport.Role(s.role), Name: s.commonName, Hosts: s.hosts}
	if subject.Name == "" && len(s.hosts) > 0 {
		subject.Name = s.hosts[0]
	}
	switch {
	case s.holder != "":
		return subject, cli.Usage("--holder: a %s has a --common-name", s.role)
	case subject.Role == transport.Server && len(s.hosts) == 0:
		return subject, cli.Usage("a server is certified for its hosts: add --host NAME, for " +
			"each DNS name or IP address that it answers under")
	case subject.Name == "":
		return subject, cli.Usage("a %s is certified for its name: add --common-name NAME", s.role)
	}
	if err := subject.Check(); err != nil {
		return subject, cli.Usage("%w", err)
	}
	return subject, nil
}

// ofCard is the subject of a card-verifiable certificate.
func (s *subjectFlags) ofCard(now time.Time) (pki.Subject, error) {
	subject := pki.Subject{Holder: cvc.Holder(s.holder), Role: cardRoles()[s.role],
		Effective: message.DateOf(now)}
	if s.commonName != "" || len(s.hosts) > 0 {
		return subject, cli.Usage("--common-name, --host: a %s has a --holder", s.role)
	}
	if s.holder == "" {
		return subject, cli.Usage("a %s is certified for a holder: add --holder with an authority "+
			"(8 characters and 5 digits) or a device id (16 characters)", s.role)
	}
	var err error
	if subject.Role.IsDevice() {
		_, err = message.ParseDeviceID(s.holder)
	} else {
		_, err = message.ParseAuthorityRef(s.holder)
	}
	if err != nil {
		return subject, cli.Usage("--holder: %w", err)
	}
	subject.Expiry, err = s.lastDay(now)
	return subject, err
}

// lastDay is --until, or what is usual for the role.
func (s *subjectFlags) lastDay(now time.Time) (message.Date, error) {
	if s.until != "" {
		day, err := message.ParseDate(s.until)
		if err != nil {
			return day, cli.Usage("--until: %w", err)
		}
		return day, nil
	}
	years := leafYears
	role, isCard := cardRoles()[s.role]
	switch {
	case isCard && role == spec.RoleRoot:
		years = rootYears
	case isCard && role.IsDevice():
		years = deviceYears
	case isCard, s.role == string(transport.CA):
		years = authorityYears
	}
	return message.DateOf(now.AddDate(years, 0, 0)), nil
}

// endOf is the last second of a day.
func endOf(day message.Date) time.Time { return day.AddDays(1).Time().Add(-time.Second) }
