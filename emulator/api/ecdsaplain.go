package api

import (
	"bytes"
	"encoding/asn1"
	"math/big"

	"ekrona.example/emulator/vm"
)

// orderBytes is the length of a number below the order of a key's curve.
func orderBytes(c *vm.Call, key vm.Ref) int {
	return len(bytes.TrimLeft(component(c, key, ecR), "\x00"))
}

// derSignature is an ECDSA signature in ASN.1 (RFC 3279 §2.2.3).
type derSignature struct{ R, S *big.Int }

// plainOf turns a signature in DER into r and s, n bytes each (BSI TR-03111 §5.2.1).
func plainOf(der []byte, n int) ([]byte, error) {
	var signature derSignature
	if _, err := asn1.Unmarshal(der, &signature); err != nil {
		return nil, err
	}
	out := make([]byte, 2*n)
	signature.R.FillBytes(out[:n])
	signature.S.FillBytes(out[n:])
	return out, nil
}

// derOf turns r and s, n bytes each, into DER; nil if they are not that long.
func derOf(plain []byte, n int) []byte {
	if len(plain) != 2*n {
		return nil
	}
	r, s := new(big.Int).SetBytes(plain[:n]), new(big.Int).SetBytes(plain[n:])
	der, err := asn1.Marshal(derSignature{r, s})
	if err != nil {
		return nil
	}
	return der
}
