package tpm

import (
	"encoding/pem"
	"testing"

	"github.com/google/go-tpm/tpm2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReferences(t *testing.T) {
	for text, want := range map[string]Reference{
		"root.tpm":                          {Blob: "root.tpm", Device: DefaultDevice},
		"/keys/a b?device=/dev/tpmrm1":      {Blob: "/keys/a b", Device: "/dev/tpmrm1"},
		"a?device=localhost:2321":           {Blob: "a", Device: "localhost:2321"},
		"a?parent=0x81000001":               {Blob: "a", Device: DefaultDevice, Parent: 0x81000001},
		"a?device=/run/s&parent=0x81000002": {Blob: "a", Device: "/run/s", Parent: 0x81000002},
	} {
		got, err := ParseReference(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got)
		assert.Equal(t, text, got.String())
	}
	for _, text := range []string{"", "?device=x", "a?", "a?device=", "a?device=x&device=y",
		"a?color=red", "a?parent=5", "a?parent=0x80000001",
		"a?parent=x", "a\nb", "a#b", "a?device=x?parent=0x81000001"} {
		_, err := ParseReference(text)
		assert.Error(t, err, "%q", text)
	}
}

// sample is a blob in form; no TPM would load it.
func sample() blob {
	public := signingTemplate(true)
	public.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{
		// The generator of P-256 (SEC 2 §2.4.2).
		X: tpm2.TPM2BECCParameter{Buffer: []byte("\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc" +
			"\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8" +
			"\x98\xc2\x96")},
		Y: tpm2.TPM2BECCParameter{Buffer: []byte("\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7" +
			"\xeb\x4a\x7c\x0f\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37" +
			"\xbf\x51\xf5")},
	})
	return newBlob(0, true, tpm2.New2B(public), tpm2.TPM2BPrivate{Buffer: make([]byte, 126)})
}

func TestBlobsRoundTripAndOthersAreRefused(t *testing.T) {
	good := sample()
	text, err := good.encode()
	require.NoError(t, err)
	back, err := parseBlob(text)
	require.NoError(t, err)
	assert.Equal(t, good, back)
	_, err = good.signingKey()
	require.NoError(t, err)
	for name, change := range map[string]func(*blob){
		"a parent that is a session": func(b *blob) { b.Parent = 0x02000000 },
		"private part cut":           func(b *blob) { b.Private = b.Private[:9] },
		"private part with more":     func(b *blob) { b.Private = append(b.Private, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			b := sample()
			change(&b)
			text, err := b.encode()
			require.NoError(t, err)
			_, err = parseBlob(text)
			assert.Error(t, err)
		})
	}
	for name, change := range map[string]func(*tpm2.TPMTPublic){
		"that can leave its TPM": func(p *tpm2.TPMTPublic) { p.ObjectAttributes.FixedTPM = false },
		"made elsewhere": func(p *tpm2.TPMTPublic) {
			p.ObjectAttributes.SensitiveDataOrigin = false
		},
		"restricted": func(p *tpm2.TPMTPublic) { p.ObjectAttributes.Restricted = true },
		"that cannot sign": func(p *tpm2.TPMTPublic) {
			p.ObjectAttributes.SignEncrypt = false
		},
		"off the curve": func(p *tpm2.TPMTPublic) {
			p.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{})
		},
	} {
		t.Run("a key "+name, func(t *testing.T) {
			sized, err := tpm2.Unmarshal[tpm2.TPM2BPublic](good.Public)
			require.NoError(t, err)
			public, err := sized.Contents()
			require.NoError(t, err)
			change(public)
			b := newBlob(0, true, tpm2.New2B(*public), good.private())
			_, err = b.signingKey()
			assert.Error(t, err)
		})
	}
}

// FuzzParseBlob: whatever parses encodes to a file that parses to the same.
func FuzzParseBlob(f *testing.F) {
	text, err := sample().encode()
	require.NoError(f, err)
	block, _ := pem.Decode(text)
	f.Add(block.Bytes)
	f.Fuzz(func(t *testing.T, der []byte) {
		b, err := parseBlob(pem.EncodeToMemory(&pem.Block{Type: blobLabel, Bytes: der}))
		if err != nil {
			return
		}
		_, _ = b.signingKey() // must not panic
		text, err := b.encode()
		require.NoError(t, err)
		again, err := parseBlob(text)
		require.NoError(t, err)
		require.Equal(t, b, again)
	})
}

// FuzzParseReference: whatever parses names the same key when it is written again.
func FuzzParseReference(f *testing.F) {
	f.Add("a?device=/run/s&parent=0x81000002")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseReference(text)
		if err != nil {
			return
		}
		again, err := ParseReference(r.String())
		require.NoError(t, err)
		require.Equal(t, r, again)
	})
}
