package party

import (
	"cmp"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ekrona.example/host/service"
	"ekrona.example/host/service/link"
	"ekrona.example/host/store"
	"ekrona.example/personalization/pki/transport"
)

// Checked are settings that know what may stand in each of their keys. Check returns the first
// value that may not: its key, the value, and what may. [Folder.Read] calls it.
type Checked interface{ Check() error }

// Wrong is the error of a setting: its key, its value, and what to give in its place.
func Wrong(key string, value any, give string) error {
	return fmt.Errorf("%s: %v: give %s", key, value, give)
}

// Within refuses a value that is not from least to most.
func Within[T cmp.Ordered](key string, value, least, most T) error {
	return within(key, value, least, most, "")
}

// WithinOrDefault is Within for a key whose zero stands for its default.
func WithinOrDefault[T cmp.Ordered](key string, value, least, most T) error {
	if value == *new(T) {
		return nil
	}
	return within(key, value, least, most, ", or leave it out")
}

func within[T cmp.Ordered](key string, value, least, most T, or string) error {
	if value >= least && value <= most { // what is no number is within nothing
		return nil
	}
	return Wrong(key, value, fmt.Sprintf("%v to %v%s", least, most, or))
}

// maxText bounds a text of settings, in characters, and maxPath the name of a file.
const (
	maxText = 100
	maxPath = 1024
)

// Text refuses what is no line of text.
func Text(key, value string) error {
	if isLine(value) && utf8.RuneCountInString(value) <= maxText {
		return nil
	}
	return Wrong(key, quoted(value), fmt.Sprintf("one line of 1 to %d characters", maxText))
}

// isLine reports whether a text is one line, without spaces around it.
func isLine(text string) bool {
	return text != "" && utf8.ValidString(text) && strings.TrimSpace(text) == text &&
		strings.IndexFunc(text, unicode.IsControl) < 0
}

// quoted shows a value that nobody has checked.
func quoted(value string) string {
	const most = 60
	if len(value) > most {
		value = value[:most] + "..."
	}
	return strconv.Quote(value)
}

// File refuses what names no file or folder.
func File(key, value string) error {
	if isLine(value) && len(value) <= maxPath && !strings.Contains(value, "://") {
		return nil
	}
	return Wrong(key, quoted(value), "the path of a file or folder, relative to this one or from /")
}

// Files is File for each of a list, in which none stands twice.
func Files(key string, values []string) error { return each(key, values, File) }

func each(key string, values []string, check func(key, value string) error) error {
	for n, value := range values {
		at := fmt.Sprintf("%s[%d]", key, n)
		if err := check(at, value); err != nil {
			return err
		}
		if slices.Contains(values[:n], value) {
			return Wrong(at, quoted(value), "each once")
		}
	}
	return nil
}

// KeyName refuses what names no key of a folder of keys.
func KeyName(key, value string) error {
	if isLine(value) && len(value) <= maxText && filepath.Base(value) == value &&
		value != "." && value != ".." {
		return nil
	}
	return Wrong(key, quoted(value), "the name of a key in the folder of keys, without its ending")
}

// Source refuses what is no database. A password is not shown.
func Source(key, value string) error {
	if !isLine(value) || len(value) > maxPath {
		return Wrong(key, quoted(value), "a file, or postgres://USER@HOST:PORT/NAME")
	}
	if err := store.CheckSource(value); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// SourceOnServer is Source for one that is on a server, where there is one.
func SourceOnServer(key, value string) error {
	if value == "" {
		return nil
	}
	if err := Source(key, value); err != nil {
		return err
	}
	if store.IsFile(value) {
		return Wrong(key, quoted(value), "postgres://OWNER@HOST:PORT/NAME, or leave it out")
	}
	return nil
}

// Reached refuses what says nowhere where another party is reached.
func Reached(key, value string) error {
	if !strings.Contains(value, "://") && isLine(value) {
		return File(key, value)
	}
	if err := link.CheckURL(value); err != nil {
		return Wrong(key, quoted(value),
			"a folder, or https://HOST:PORT, several with commas between them")
	}
	return nil
}

// OwnURL refuses what is not one address of a service.
func OwnURL(key, value string) error {
	if err := link.CheckURL(value); err != nil || strings.Contains(value, ",") {
		return Wrong(key, quoted(value), "one https://HOST:PORT")
	}
	return nil
}

// HostPort refuses what nobody can listen on.
func HostPort(key, value string) error {
	host, port, err := net.SplitHostPort(value)
	if err == nil && (host == "" || transport.IsHost(strings.ToLower(host))) {
		if _, err = strconv.ParseUint(port, 10, 16); err == nil {
			return nil
		}
	}
	return Wrong(key, quoted(value), "HOST:PORT, such as 127.0.0.1:7443")
}

// CommonNames refuses what stands in no certificate.
func CommonNames(key string, values []string) error {
	return each(key, values, func(at, value string) error {
		client := transport.Subject{Role: transport.Client, Name: value}
		if client.Check() != nil || !isLine(value) {
			return Wrong(at, quoted(value), "a common name of a certificate, 1 to 64 bytes")
		}
		return nil
	})
}

// Bounds of a service's settings.
const (
	maxConnections = 1_000_000
	maxInFlight    = 100_000
	maxMemory      = 64 << 30
	maxRate        = 1_000_000
	minRate        = 0.001
	minLimit       = 100 * time.Millisecond
	maxLimit       = time.Hour
	minLease       = time.Second
	maxLease       = 10 * time.Minute
)

// Check implements Checked, for the part "service" of settings.
func (s Service) Check() error {
	var failed []error
	add := func(err error) { failed = append(failed, err) }
	optional := func(key, value string, check func(key, value string) error) {
		if value != "" {
			add(check("service."+key, value))
		}
	}
	optional("listen", s.Listen, HostPort)
	optional("server", s.Server, KeyName)
	optional("client", s.Client, KeyName)
	add(CommonNames("service.operators", s.Operators))
	add(CommonNames("service.desks", s.Desks))
	optional("url", s.URL, OwnURL)
	add(WithinOrDefault("service.lease", s.Lease, minLease, maxLease))
	add(checkLimits(s.Limits))
	return First(failed...)
}

func checkLimits(l service.Limits) error {
	const at = "service.limits."
	times := func(key string, value time.Duration) error {
		return WithinOrDefault(at+key, value, minLimit, maxLimit)
	}
	return First(
		WithinOrDefault(at+"connections", l.Connections, 1, maxConnections),
		WithinOrDefault(at+"connections_per_address", l.PerAddress, 1, maxConnections),
		WithinOrDefault(at+"in_flight", l.InFlight, 1, maxInFlight),
		WithinOrDefault(at+"memory", l.Memory, service.MinMemory, maxMemory),
		WithinOrDefault(at+"per_second", l.PerSecond, minRate, maxRate),
		WithinOrDefault(at+"burst", l.Burst, 1, maxRate),
		WithinOrDefault(at+"node_per_second", l.NodePerSecond, minRate, maxRate),
		WithinOrDefault(at+"node_burst", l.NodeBurst, 1, maxRate),
		times("header", l.Header), times("request", l.Request), times("answer", l.Answer),
		times("idle", l.Idle), times("stop", l.Stop))
}

// First returns the first error; nil where there is none.
func First(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
