package tpm

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
	"golang.org/x/crypto/cryptobyte"
	asn1tag "golang.org/x/crypto/cryptobyte/asn1"

	"ekrona.example/apdu/signature"
)

// blob is the content of a TPM key file: TPMKey of the "ASN.1 Specification for TPM
// 2.0 Key Files" (TSS2 PRIVATE KEY), §3. Keys with policies or imported secrets have
// more members and are refused.
type blob struct {
	EmptyAuth bool   // the key has no authorization value
	Parent    uint32 // handle
	Public    []byte // TPM2B_PUBLIC
	Private   []byte // TPM2B_PRIVATE
}

const (
	blobLabel = "TSS2 PRIVATE KEY"
	// blobLimitBytes bounds a key file; one of ours has under 500.
	blobLimitBytes = 8192
	ownerHandle    = uint32(tpm2.TPMRHOwner)
)

var (
	oidLoadableKey = asn1.ObjectIdentifier{2, 23, 133, 10, 1, 3}
	emptyAuthTag   = asn1tag.Tag(0).ContextSpecific().Constructed()
)

func newBlob(
	parent uint32, emptyAuth bool, public tpm2.TPM2BPublic, private tpm2.TPM2BPrivate,
) blob {
	if parent == 0 {
		parent = ownerHandle
	}
	return blob{EmptyAuth: emptyAuth, Parent: parent, Public: tpm2.Marshal(public),
		Private: tpm2.Marshal(private)}
}

// parseBlob reads a key file. What it accepts encodes to the same key.
func parseBlob(text []byte) (blob, error) {
	block, rest := pem.Decode(text)
	if len(text) > blobLimitBytes || block == nil || block.Type != blobLabel ||
		len(block.Headers) > 0 || len(rest) > 0 {
		return blob{}, fmt.Errorf("not one PEM block %q", blobLabel)
	}
	var b blob
	var oid asn1.ObjectIdentifier
	var auth cryptobyte.String
	var hasAuth bool
	der, whole := cryptobyte.String(block.Bytes), cryptobyte.String(nil)
	if !der.ReadASN1(&whole, asn1tag.SEQUENCE) || !der.Empty() ||
		!whole.ReadASN1ObjectIdentifier(&oid) ||
		!whole.ReadOptionalASN1(&auth, &hasAuth, emptyAuthTag) ||
		!whole.ReadASN1Integer(&b.Parent) ||
		!whole.ReadASN1Bytes(&b.Public, asn1tag.OCTET_STRING) ||
		!whole.ReadASN1Bytes(&b.Private, asn1tag.OCTET_STRING) || !whole.Empty() {
		return blob{}, errors.New("not a TPM key, or one with a policy, which is not used here")
	}
	if !oid.Equal(oidLoadableKey) {
		return blob{}, fmt.Errorf("a TPM key of type %v: a loadable key (%v) is needed", oid,
			oidLoadableKey)
	}
	if hasAuth {
		var value []byte
		// Other writers have 01 for true, which DER has not.
		if !auth.ReadASN1Bytes(&value, asn1tag.BOOLEAN) || !auth.Empty() || len(value) != 1 {
			return blob{}, errors.New("its emptyAuth is no truth value")
		}
		b.EmptyAuth = value[0] != 0
	}
	if b.Parent != ownerHandle && !isPersistent(b.Parent) {
		return blob{}, fmt.Errorf(
			"its parent 0x%X is neither the owner hierarchy nor a persistent key", b.Parent)
	}
	if !isSized(b.Public) || !isSized(b.Private) {
		return blob{}, errors.New(
			"its public or its wrapped private part is damaged: restore it from its backup")
	}
	return b, nil
}

func (b blob) encode() ([]byte, error) {
	var out cryptobyte.Builder
	out.AddASN1(asn1tag.SEQUENCE, func(whole *cryptobyte.Builder) {
		whole.AddASN1ObjectIdentifier(oidLoadableKey)
		if b.EmptyAuth {
			whole.AddASN1(emptyAuthTag,
				func(auth *cryptobyte.Builder) { auth.AddASN1Boolean(true) })
		}
		whole.AddASN1Uint64(uint64(b.Parent))
		whole.AddASN1OctetString(b.Public)
		whole.AddASN1OctetString(b.Private)
	})
	der, err := out.Bytes()
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: blobLabel, Bytes: der}), nil
}

func (b blob) public() tpm2.TPM2BPublic {
	return tpm2.BytesAs2B[tpm2.TPMTPublic](unsized(b.Public))
}

func (b blob) private() tpm2.TPM2BPrivate { return tpm2.TPM2BPrivate{Buffer: unsized(b.Private)} }

// sizeBytes is the length before a TPM2B structure.
const sizeBytes = 2

func isSized(b []byte) bool {
	return len(b) > sizeBytes && int(binary.BigEndian.Uint16(b)) == len(b)-sizeBytes
}

// unsized drops the length.
func unsized(b []byte) []byte { return b[sizeBytes:] }

// signingKey reads the public key and checks that the private one stays in its TPM
// and may sign any digest.
func (b blob) signingKey() (*ecdsa.PublicKey, error) {
	public, err := tpm2.Unmarshal[tpm2.TPMTPublic](unsized(b.Public))
	if err != nil || !bytes.Equal(tpm2.Marshal(public), unsized(b.Public)) {
		return nil, errors.New("its public part is damaged: restore it from its backup")
	}
	may := public.ObjectAttributes
	if !may.FixedTPM || !may.SensitiveDataOrigin || !may.SignEncrypt || may.Restricted ||
		!may.UserWithAuth {
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
	if err != nil || len(point.X.Buffer) > coordinateBytes ||
		len(point.Y.Buffer) > coordinateBytes {
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
