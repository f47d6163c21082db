package message

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"fmt"

	"ekrona.example/apdu/signature"
)

// FirstHead is the head of a device's chain before its first record: SHA-256 of
// the device id and the 65 bytes of its public key.
func FirstHead(id DeviceID, pub *ecdsa.PublicKey) (Hash, error) {
	if _, err := ParseDeviceID(string(id)); err != nil {
		return Hash{}, err
	}
	point, err := signature.Point(pub)
	if err != nil {
		return Hash{}, err
	}
	return sha256.Sum256(append([]byte(id), point...)), nil
}

// NextHead is the head after a record whose message has the identity:
// SHA-256 of the head before and the identity.
func NextHead(head, identity Hash) Hash {
	return sha256.Sum256(append(head[:], identity[:]...))
}

// Follow computes the chain from head, which is the head after record number atc, over
// the records that follow it, and returns the head after the last. It fails for records
// that are not numbered consecutively.
func Follow(head Hash, atc uint32, records []Record) (Hash, error) {
	for _, r := range records {
		atc++
		if err := r.check(); err != nil {
			return Hash{}, err
		}
		if r.ATC() != atc {
			return Hash{}, fmt.Errorf("message: chain breaks: record %d expected, record %d found",
				atc, r.ATC())
		}
		identity, err := Identity(r.Message())
		if err != nil {
			return Hash{}, err
		}
		head = NextHead(head, identity)
	}
	return head, nil
}
