package message

import (
	"fmt"

	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// VersionError reports that a message or a card is of another version than this program,
// or that a message is signed by another algorithm. It wraps [ErrMalformed]: nothing else
// of it was looked at.
type VersionError struct {
	What      string // such as "REQUEST"
	Version   byte
	Algorithm byte // 0 where none is named
}

// Error is one line: which version, and what to do.
func (e *VersionError) Error() string {
	if e.Version != spec.MessageVersion {
		return fmt.Sprintf("%s is of version %d, this program reads version %d: update the older "+
			"of the two", e.What, e.Version, spec.MessageVersion)
	}
	return fmt.Sprintf("%s is signed by algorithm %02X, which this program does not know: "+
		"update it", e.What, e.Algorithm)
}

// Unwrap is [ErrMalformed].
func (e *VersionError) Unwrap() error { return ErrMalformed }

// checkVersion looks at the first data object of a body's content. Where that is no VERSION,
// the body is malformed, which the layout says better.
func checkVersion(what string, content []byte) error {
	o, err := tlv.NewReader(content).Next()
	if err != nil || o.Tag != spec.TagVersion || len(o.Value) == 0 {
		return nil
	}
	e := &VersionError{What: what, Version: o.Value[0]}
	if len(o.Value) == 2 {
		e.Algorithm = o.Value[1]
	}
	if e.Version == spec.MessageVersion &&
		(len(o.Value) != 2 || e.Algorithm == spec.AlgorithmECDSAP256SHA256) {
		return nil
	}
	return e
}
