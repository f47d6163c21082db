// Package spec is the applet's interface as data: every command, data object,
// status word, limit, role and life-cycle state, and the byte layout of every
// signed message and certificate. It is the one place where these are written
// down. From it derive:
//
//   - the Go codecs (Variant.APDU, apdu/message, apdu/cvc) and the words of scripts
//     (Vocabulary),
//   - the names by which a trace shows the applet's commands (applet/vocabulary),
//   - the applet's constants, applet/src/main/java/ekrona/Spec.java,
//   - the applet's commands by instruction, Commands.java beside it,
//   - the reference page, apdu/REFERENCE.md.
//
// The last three are written by go generate; a test fails when they are not
// current. One file holds one command, named like the applet's and the host's
// file for it. Start at [Commands] for what the card does and at [Layouts] for
// what is signed.
//
// The package imports only packages for any card (apdu, apdu/script, apdu/tlv). It is
// only data: its variables are never written after initialisation.
package spec

//go:generate go run ekrona.example/apdu/spec/gen -java ../../applet/src/main/java/ekrona -reference ../REFERENCE.md

// Version is the spec's version that SELECT answers in 9F08: major, minor.
const Version = 0x0200

// MessageVersion is the first byte of C0, the first field of every signed message. What
// is of another version is refused before anything else of it is looked at (9416).
const MessageVersion = 0x02

// Algorithms of the signatures, the second byte of C0. A certificate names the
// algorithm of its key by OID.
const AlgorithmECDSAP256SHA256 = 0x01

// AlgorithmRow describes a signature algorithm.
type AlgorithmRow struct {
	Algorithm byte
	OID       string // content of DO 06 in a certificate
	Text      string
}

// Algorithms lists them: one, so far.
var Algorithms = []AlgorithmRow{
	{AlgorithmECDSAP256SHA256, OIDECDSASHA256, "ECDSA P-256 SHA-256"},
}

// CertificateProfile is the content of 5F29 (TR-03110-3 §C.1: version 1 is 00).
const CertificateProfile = 0x00

// Application identifiers, category F: proprietary, unregistered (ISO/IEC
// 7816-4:2013 §12.2.3). "EKRONA" follows the category nibble and its pad.
const (
	PackageAID = "\xF0EKRONA"
	AppletAID  = PackageAID + "\x01" // module and default instance
)

// Object identifiers as the content of DO 06.
const (
	// OIDECDSASHA256 is id-TA-ECDSA-SHA-256, 0.4.0.127.0.7.2.2.2.2.3 (TR-03110-3
	// annex A), which also fixes the curve here: P-256.
	OIDECDSASHA256 = "\x04\x00\x7F\x00\x07\x02\x02\x02\x02\x03"
	// OIDRole marks the role byte in 7F4C:
	// 2.25.19105129864422666617634974196191369361 (ITU-T X.667 §7).
	OIDRole = "\x69\x9C\xDF\xC1\xE8\x94\x89\xF2\xA2\xE1\xB7\xC1\xFC\xE1\x90\xFE\xAA\xB1\x11"
)
