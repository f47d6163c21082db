package tpm

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"

	"ekrona/apdu/signature"
)

// blob is the content of a TPM key file: TPMKey of the "ASN.1 Specification for TPM
// 2.0 Key Files" (TSS2 PRIVATE KEY). Keys with policies or imported secrets have
// more members and are refused.
type blob struct {
	Type      asn1.ObjectIdentifier
	EmptyAuth bool  `asn1:"optional,explicit,tag:0"`
	Parent    int64 // handle
	Public    []byte
	Private   []byte
}

const (
	blobLabel = "TSS2 PRIVATE KEY"
	// blobLimitBytes bounds a key file; one of ours has under 500.
	blobLimitBytes = 8192
	ownerHandle    = uint32(tpm2.TPMRHOwner)
)

var oidLoadableKey = asn1.ObjectIdentifier{2, 23, 133, 10, 1, 3}

func newBlob(parent uint32, emptyAuth bool, public tpm2.TPM2BPublic, private tpm2.TPM2BPrivate) blob {
	if parent == 0 {
		parent = ownerHandle
	}
	return blob{Type: oidLoadableKey, EmptyAuth: emptyAuth, Parent: int64(parent), Public: tpm2.Marshal(public), Private: tpm2.Marshal(private)}
}

// parseBlob reads a key file. What it accepts encodes to the same key.
func parseBlob(text []byte) (blob, error) {
	block, rest := pem.Decode(text)
	if len(text) > blobLimitBytes || block == nil || block.Type != blobLabel || len(block.Headers) > 0 || len(rest) > 0 {
		return blob{}, fmt.Errorf("not one PEM block %q", blobLabel)
	}
	var b blob
	if _, err := asn1.Unmarshal(block.Bytes, &b); err != nil {
		return blob{}, fmt.Errorf("not a TPM key, or one with a policy, which is not used here: %w", err)
	}
	again, err := asn1.Marshal(b)
	if err != nil || !bytes.Equal(again, block.Bytes) {
		return blob{}, errors.New("not a TPM key in DER, or one with more than is used here")
	}
	if !b.Type.Equal(oidLoadableKey) {
		return blob{}, fmt.Errorf("a TPM key of type %v: a loadable key (%v) is needed", b.Type, oidLoadableKey)
	}
	if b.Parent != int64(ownerHandle) && (b.Parent < 0 || b.Parent > 0xFFFFFFFF || !isPersistent(uint32(b.Parent))) {
		return blob{}, fmt.Errorf("its parent 0x%X is neither the owner hierarchy nor a persistent key", b.Parent)
	}
	if _, err := tpm2.Unmarshal[tpm2.TPM2BPrivate](b.Private); err != nil {
		return blob{}, errors.New("its wrapped private part is damaged: restore it from its backup")
	}
	return b, nil
}

func (b blob) encode() ([]byte, error) {
	der, err := asn1.Marshal(b)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: blobLabel, Bytes: der}), nil
}

func (b blob) public() tpm2.TPM2BPublic {
	return tpm2.BytesAs2B[tpm2.TPMTPublic](unsized(b.Public))
}

func (b blob) private() tpm2.TPM2BPrivate { return tpm2.TPM2BPrivate{Buffer: unsized(b.Private)} }

// unsized drops the two bytes of length before a structure.
func unsized(sized []byte) []byte {
	if len(sized) < 2 {
		return nil
	}
	return sized[2:]
}

// signingKey reads the public key and checks that the private one stays in its TPM
// and may sign any digest.
func (b blob) signingKey() (*ecdsa.PublicKey, error) {
	sized, err := tpm2.Unmarshal[tpm2.TPM2BPublic](b.Public)
	if err != nil {
		return nil, errors.New("its public part is damaged: restore it from its backup")
	}
	public, err := sized.Contents()
	if err != nil {
		return nil, errors.New("its public part is damaged: restore it from its backup")
	}
	may := public.ObjectAttributes
	if !may.FixedTPM || !may.SensitiveDataOrigin || !may.SignEncrypt || may.Restricted || !may.UserWithAuth {
		return nil, errors.New("not a key that its TPM made, keeps and signs any digest with")
	}
	if public.Type != tpm2.TPMAlgECC {
		return nil, signature.ErrKey
	}
	parameters, err := public.Parameters.ECCDetail()
	if err != nil || parameters.CurveID != tpm2.TPMECCNistP256 {
		return nil, signature.ErrKey
	}
	point, err := public.Unique.ECC()
	if err != nil || len(point.X.Buffer) > coordinateBytes || len(point.Y.Buffer) > coordinateBytes {
		return nil, signature.ErrKey
	}
	// A TPM may leave out zeros in front.
	uncompressed := make([]byte, 1+2*coordinateBytes)
	uncompressed[0] = 4
	copy(uncompressed[1+coordinateBytes-len(point.X.Buffer):], point.X.Buffer)
	copy(uncompressed[1+2*coordinateBytes-len(point.Y.Buffer):], point.Y.Buffer)
	return signature.ParsePoint(uncompressed)
}

const coordinateBytes = 32
