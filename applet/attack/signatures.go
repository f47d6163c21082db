package attack

import (
	"bytes"
	"crypto/elliptic"
	"math/big"

	"ekrona.example/apdu"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
)

// malformed are changes of a genuine signature (r, s) to one that must not verify, by the classes
// of C2SP/wycheproof's ecdsa_secp256r1_sha256_p1363 vectors: range checks, special values,
// exchanged and negated halves, and bits. (r, n-s) is none of them: it verifies, and is the same
// message.
var malformed = []struct {
	name    string
	corrupt func(signature.Plain) signature.Plain
}{
	{"one bit", broken},
	{"one bit of r", func(p signature.Plain) signature.Plain { p[0] ^= 0x40; return p }},
	{"zeros", halves(zero, zero)},
	{"r is zero", halves(zero, nil)},
	{"r alone", halves(nil, zero)},
	{"all ones", halves(ones, ones)},
	{"one and one", halves(one, one)},
	{"r is one", halves(one, nil)},
	{"s is one", halves(nil, one)},
	{"r is the order", halves(curveOrder, nil)},
	{"s is the order", halves(nil, curveOrder)},
	{"both are the order", halves(curveOrder, curveOrder)},
	{"r is the order less one", halves(below, nil)},
	{"s is above the order", halves(nil, above)},
	{"r is above the order", halves(above, nil)},
	{"r is the prime of the field", halves(prime, nil)},
	{"s is the prime of the field", halves(nil, prime)},
	{"r is all ones", halves(ones, nil)},
	{"r is negated", negated(0)},
	{"both are negated", func(p signature.Plain) signature.Plain {
		return negated(spec.ScalarLength)(negated(0)(p))
	}},
	{"halves exchanged", func(p signature.Plain) (q signature.Plain) {
		copy(q[copy(q[:], p[spec.ScalarLength:]):], p[:spec.ScalarLength])
		return q
	}},
	{"r twice", func(p signature.Plain) signature.Plain {
		copy(p[spec.ScalarLength:], p[:spec.ScalarLength])
		return p
	}},
	{"bytes in the other order", func(p signature.Plain) (q signature.Plain) {
		for n := range p {
			half := n / spec.ScalarLength * spec.ScalarLength
			q[half+spec.ScalarLength-1-n%spec.ScalarLength] = p[n]
		}
		return q
	}},
}

// Values of a half of a signature.
var (
	curveOrder = elliptic.P256().Params().N
	zero       = new(big.Int)
	one        = big.NewInt(1)
	below      = new(big.Int).Sub(curveOrder, one)
	above      = new(big.Int).Add(curveOrder, one)
	prime      = elliptic.P256().Params().P
	ones       = new(big.Int).Sub(new(big.Int).Lsh(one, 8*spec.ScalarLength), one)
)

// halves puts values in the places of r and s; nil leaves what is there.
func halves(r, s *big.Int) func(signature.Plain) signature.Plain {
	return func(p signature.Plain) signature.Plain {
		if r != nil {
			r.FillBytes(p[:spec.ScalarLength])
		}
		if s != nil {
			s.FillBytes(p[spec.ScalarLength:])
		}
		return p
	}
}

// negated takes the half at an index from the order.
func negated(at int) func(signature.Plain) signature.Plain {
	return func(p signature.Plain) signature.Plain {
		half := p[at : at+spec.ScalarLength]
		new(big.Int).Sub(curveOrder, new(big.Int).SetBytes(half)).FillBytes(half)
		return p
	}
}

// resigned is a genuine blow with other bytes where a part of its data has a signature, counted
// from its end.
func resigned(
	good func(s *Setup) (Blow, error), part, fromEnd int,
	corrupt func(signature.Plain) signature.Plain,
) func(s *Setup) (Blow, error) {
	return func(s *Setup) (Blow, error) {
		blow, err := good(s)
		if err != nil {
			return Blow{}, err
		}
		data := bytes.Clone(blow.Data[part])
		at := len(data) - fromEnd - spec.SignatureLength
		if at < 0 {
			return Blow{}, errNotThere
		}
		other := corrupt(signature.Plain(data[at : at+spec.SignatureLength]))
		copy(data[at:], other[:])
		blow.Data[part] = data
		return blow, nil
	}
}

// malformedWays are all malformed signatures in that place.
func malformedWays(good func(s *Setup) (Blow, error), part, fromEnd int) []Way {
	var ways []Way
	for _, m := range malformed {
		ways = append(ways, Way{m.name, resigned(good, part, fromEnd, m.corrupt)})
	}
	return ways
}

// signatures are attacks by signatures that their signer has not made, in every message and
// certificate that a card verifies.
func signatures() []Attack {
	var attacks []Attack
	for _, of := range []struct {
		what    string
		control Control
		part    int // of the command's data
		fromEnd int // bytes after the signature
		answer  apdu.StatusWord
	}{
		{"Request", pays, 0, 0, spec.SWSignature},
		{"payee's certificate", pays, 1, 0, spec.SWCertificate},
		{"Payment", accepts, 0, 0, spec.SWSignature},
		{"payer's certificate", accepts, 1, 0, spec.SWCertificate},
		{"Challenge", showsState, 0, 0, spec.SWSignature},
		{"Instruction, the notary's", applies, 0, 0, spec.SWSignature},
		{"Instruction, the intermediary's", applies, 0, signatureObject, spec.SWSignature},
		{"crisis order, the notary's", takesOrder, 0, 0, spec.SWSignature},
		{"crisis order, the crisis key's", takesOrder, 0, signatureObject, spec.SWSignature},
		{"authority's certificate", learns, 0, 0, spec.SWCertificate},
		{"own certificate", storesCertificate, 0, 0, spec.SWCertificate},
		{"certificate of the batch", renewsBatch, 0, 0, spec.SWCertificate},
	} {
		attacks = append(attacks, Attack{
			Name:   "malformed signature: " + of.what,
			Threat: "a value outside its range verifies for every key: CVE-2022-21449 and its like",
			Defence: "r and s are from 1 to the order less one, and verified; what the platform " +
				"throws is a refusal",
			Clause: "PROTOCOL.md §4; TR-03111 §4.2.1.2; " +
				"C2SP/wycheproof ecdsa_secp256r1_sha256_p1363",
			Card: of.control.Card, Answers: sw(of.answer), Control: of.control,
			Ways: malformedWays(of.control.Make, of.part, of.fromEnd),
		})
	}
	return attacks
}
