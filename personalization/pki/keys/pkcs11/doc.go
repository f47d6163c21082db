// Package pkcs11 keeps signing keys in hardware security modules with PKCS#11
// (OASIS PKCS #11 2.40): P-256 keys made in the token, sensitive and not extractable.
// Start with [ParseURI], [Open] and [Create].
//
// The library of the HSM is C and is loaded into this program, which needs cgo;
// built without, [Open] and [Create] return [ErrUnavailable], which names how to build.
//
// The package trusts the library, which it loads from the path in the URI, with all
// that this program may do. A PIN goes to the library and nowhere else.
package pkcs11

import "errors"

// Errors of this package; errors.Is finds them.
var (
	ErrUnavailable = errors.New("PKCS#11: this program was built without it: install a C " +
		"compiler and build with CGO_ENABLED=1")
	ErrModule = errors.New("PKCS#11 library cannot be used")
	ErrToken  = errors.New("PKCS#11 token cannot be used")
	ErrLocked = errors.New("PKCS#11 token is locked after too many wrong PINs: have its " +
		"security officer set a new one")
	ErrKey = errors.New("PKCS#11 key cannot be used")
)
