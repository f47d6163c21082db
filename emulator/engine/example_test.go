package engine_test

import (
	"crypto"
	"crypto/elliptic"
	"crypto/sha256"
	"fmt"
	"log"
	"math/big"

	"ekrona.example/emulator/engine"
)

// An AES-CMAC as a card makes it (RFC 4493, example 2).
func ExampleNewCMAC() {
	key := []byte("\x2b\x7e\x15\x16\x28\xae\xd2\xa6\xab\xf7\x15\x88\x09\xcf\x4f\x3c")
	block, err := engine.NewAES(key)
	if err != nil {
		log.Fatal(err)
	}
	mac, err := engine.NewCMAC(block)
	if err != nil {
		log.Fatal(err)
	}
	mac.Write([]byte("\x6b\xc1\xbe\xe2\x2e\x40\x9f\x96\xe9\x3d\x7e\x11\x73\x93\x17\x2a"))
	sum, err := mac.Sum()
	fmt.Printf("%x %v\n", sum, err)
	// Output: 070a16b46b4d4144f79bdd9dd04a287c <nil>
}

// A curve by its parameters, as Java Card sets them on a key: sign, and verify.
func ExampleNewCurve() {
	p := elliptic.P256().Params()
	a := new(big.Int).Sub(p.P, big.NewInt(3))
	g := append([]byte{4}, append(p.Gx.Bytes(), p.Gy.Bytes()...)...)
	curve, err := engine.NewCurve(p.P.Bytes(), a.Bytes(), p.B.Bytes(), g, p.N.Bytes(), 1)
	if err != nil {
		log.Fatal(err)
	}
	private, err := curve.NewPrivateKey([]byte{31: 7})
	if err != nil {
		log.Fatal(err)
	}
	digest := sha256.Sum256([]byte("message"))
	signature, err := private.Sign(crypto.SHA256, digest[:])
	if err != nil {
		log.Fatal(err)
	}
	point, err := private.PublicPoint()
	if err != nil {
		log.Fatal(err)
	}
	public, err := curve.NewPublicKey(point)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(public.Verify(digest[:], signature))
	digest[0] ^= 1
	fmt.Println(public.Verify(digest[:], signature))
	// Output:
	// true
	// false
}
