package batch

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"

	"ekrona.example/apdu/cmac"
	"ekrona.example/apdu/scp03"
)

// given are fingerprints of what a job is done with and its file only names. Another bank's key
// would sign the rest of the audit log, and a card that has got keys of the job would be rejected
// for not having those of another file, with its secrets erased.
type given struct {
	logKey   []byte // SHA-256 of the public key
	cardKeys []byte // check value
}

func givenBy(o Options) (g given, err error) {
	public, err := x509.MarshalPKIXPublicKey(o.LogKey.Public())
	if err != nil {
		return g, fmt.Errorf("key of the audit log: %w", err)
	}
	g.logKey = digest(public)
	var values []byte
	for _, keys := range []scp03.KeySource{o.Line.Keys, o.Line.Final} {
		value, err := checkValue(keys)
		if err != nil {
			return g, err
		}
		values = append(values, value...)
	}
	g.cardKeys = digest(values)
	return g, nil
}

func digest(of []byte) []byte {
	sum := sha256.Sum256(of)
	return sum[:]
}

// checkValue is the MAC of nothing under each key of the card whose diversification data are zeros.
// It does not tell the keys.
func checkValue(source scp03.KeySource) (value []byte, err error) {
	if source == nil {
		return []byte("none"), nil
	}
	keys, err := source.For(scp03.Offer{})
	if err != nil {
		return nil, err
	}
	for _, key := range [][]byte{keys.ENC, keys.MAC, keys.DEK} {
		mac, err := cmac.Sum(key)
		if err != nil {
			return nil, err
		}
		value = append(value, mac[:]...)
	}
	return value, nil
}

// sameAs fails for other keys than those that the job was started with.
func (g given) sameAs(now given) error {
	switch {
	case g.logKey != nil && !bytes.Equal(g.logKey, now.logKey):
		return errors.New("the job was started at a bank with another key, which signs its audit " +
			"log: name the folder of that bank's sandbox, or make the rest of the cards in " +
			"another job")
	case g.cardKeys != nil && !bytes.Equal(g.cardKeys, now.cardKeys):
		return errors.New("the keys of the cards, initial or final, are not those that the job " +
			"was started with: take the former key files back, or make the rest of the cards in " +
			"another job")
	}
	return nil
}
