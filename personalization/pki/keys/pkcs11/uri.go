package pkcs11

import (
	"fmt"
	"net/url"
	"strings"
)

// URI names a private key of a token (RFC 7512). Of the attributes of the RFC,
// those that can choose a token and a key in it are taken; the others are refused,
// since a key found without regard to them might be another.
type URI struct {
	// The token: its label, and if labels are not unique, its serial number.
	Token, Serial, Manufacturer, Model string
	// The key: its label, its identifier, or both.
	Object string
	ID     []byte
	// How to reach it.
	ModulePath string // the library of the HSM
	PINSource  string // file with the PIN; none: it is asked for
}

const scheme = "pkcs11:"

// ParseURI reads a PKCS#11 URI. It needs a token, an object or id, and the path of
// the module. A PIN in the URI itself (pin-value) is refused.
func ParseURI(text string) (URI, error) {
	var u URI
	rest, found := strings.CutPrefix(text, scheme)
	if !found {
		return u, fmt.Errorf("PKCS#11 URI: it begins with %q", scheme)
	}
	path, query, _ := strings.Cut(rest, "?")
	seen := map[string]bool{}
	take := func(part string, attributes map[string]func(string) error) error {
		name, raw, _ := strings.Cut(part, "=")
		set, known := attributes[name]
		if !known {
			return fmt.Errorf("PKCS#11 URI: attribute %q: not one of those that name a key here",
				name)
		}
		if seen[name] {
			return fmt.Errorf("PKCS#11 URI: attribute %s is there twice", name)
		}
		seen[name] = true
		value, err := decode(raw)
		if err != nil || value == "" {
			return fmt.Errorf("PKCS#11 URI: attribute %s has no proper value: write all but "+
				"letters, digits and -._~ as %%XX", name)
		}
		return set(value)
	}
	for _, part := range strings.Split(path, ";") {
		if err := take(part, u.pathAttributes()); err != nil {
			return URI{}, err
		}
	}
	if query != "" {
		for _, part := range strings.Split(query, "&") {
			if err := take(part, u.queryAttributes()); err != nil {
				return URI{}, err
			}
		}
	}
	return u, u.check()
}

func (u *URI) check() error {
	switch {
	case u.Token == "" && u.Serial == "":
		return fmt.Errorf("PKCS#11 URI: name the token: token=LABEL")
	case u.Object == "" && len(u.ID) == 0:
		return fmt.Errorf("PKCS#11 URI: name the key: object=LABEL or id=%%01")
	case u.ModulePath == "":
		return fmt.Errorf("PKCS#11 URI: name the library of the HSM: module-path=/usr/lib/...")
	}
	return nil
}

func text(into *string) func(string) error {
	return func(value string) error { *into = value; return nil }
}

// pathAttributes: RFC 7512 §2.3, pk11-pattr.
func (u *URI) pathAttributes() map[string]func(string) error {
	return map[string]func(string) error{
		"token": text(&u.Token), "serial": text(&u.Serial), "manufacturer": text(&u.Manufacturer),
		"model":  text(&u.Model),
		"object": text(&u.Object),
		"id":     func(value string) error { u.ID = []byte(value); return nil },
		"type": func(value string) error {
			if value != "private" {
				return fmt.Errorf("PKCS#11 URI: type=%s: a private key is needed", value)
			}
			return nil
		},
	}
}

// queryAttributes: RFC 7512 §2.3, pk11-qattr.
func (u *URI) queryAttributes() map[string]func(string) error {
	return map[string]func(string) error{
		"module-path": text(&u.ModulePath),
		"pin-source": func(value string) error {
			u.PINSource = strings.TrimPrefix(strings.TrimPrefix(value, "file://"), "file:")
			if u.PINSource == "" || strings.HasPrefix(u.PINSource, "|") {
				return fmt.Errorf("PKCS#11 URI: pin-source: give a file: pin-source=file:PATH")
			}
			return nil
		},
		"pin-value": func(string) error {
			return fmt.Errorf("PKCS#11 URI: a PIN does not belong into the URI, others can see " +
				"it: use pin-source=file:PATH")
		},
	}
}

// extra are the characters that are not escaped besides letters, digits and
// "-._~" (RFC 7512 §2.3, pk11-res-avail, with "&" in the path and "/", "?" and "|" in the query).
const extra = ":[]@!$'()*+,&/|="

func decode(raw string) (string, error) {
	for i := range len(raw) {
		if c := raw[i]; !isUnreserved(c) && c != '%' && strings.IndexByte(extra, c) < 0 {
			return "", fmt.Errorf("character %q", c)
		}
	}
	return url.PathUnescape(raw)
}

func isUnreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		strings.IndexByte("-._~", c) >= 0
}

func encode(value string) string {
	var b strings.Builder
	for i := range len(value) {
		if c := value[i]; isUnreserved(c) || c == '/' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// String writes the URI, its attributes in one order and escaped in one way.
func (u URI) String() string {
	var path, query []string
	add := func(to *[]string, name, value string) {
		if value != "" {
			*to = append(*to, name+"="+encode(value))
		}
	}
	add(&path, "token", u.Token)
	add(&path, "serial", u.Serial)
	add(&path, "manufacturer", u.Manufacturer)
	add(&path, "model", u.Model)
	add(&path, "object", u.Object)
	add(&path, "id", string(u.ID))
	add(&query, "module-path", u.ModulePath)
	if u.PINSource != "" {
		query = append(query, "pin-source=file:"+encode(u.PINSource))
	}
	return scheme + strings.Join(path, ";") + "?" + strings.Join(query, "&")
}
