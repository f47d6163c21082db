package pkcs11

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestURIs(t *testing.T) {
	for text, want := range map[string]URI{
		"pkcs11:token=HSM;object=root?module-path=/usr/lib/hsm.so": {Token: "HSM", Object: "root",
			ModulePath: "/usr/lib/hsm.so"},
		"pkcs11:object=root;token=The%20Software%20PKCS%2311%20Softtoken;type=private" +
			"?pin-source=file:/etc/pin&module-path=/lib/a.so": {
			Token: "The Software PKCS#11 Softtoken", Object: "root", ModulePath: "/lib/a.so",
			PINSource: "/etc/pin"},
		"pkcs11:serial=0a%2d1;manufacturer=M;model=V2;id=%69%95%3E%5C%00" +
			"?module-path=m&pin-source=file:///etc/pin": {
			Serial: "0a-1", Manufacturer: "M", Model: "V2", ID: []byte{0x69, 0x95, 0x3E, 0x5C, 0},
			ModulePath: "m", PINSource: "/etc/pin"},
	} {
		got, err := ParseURI(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got)
		again, err := ParseURI(got.String())
		require.NoError(t, err, got.String())
		assert.Equal(t, want, again)
	}
}

func TestURIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"file:x":                        "begins with",
		"pkcs11:":                       "not one of those",
		"pkcs11:token=T?module-path=m":  "name the key",
		"pkcs11:object=O?module-path=m": "name the token",
		"pkcs11:token=T;object=O":       "name the library",
		"pkcs11:token=T;token=T;object=O?module-path=m":   "is there twice",
		"pkcs11:token=T;object=O;slot-id=1?module-path=m": "not one of those",
		"pkcs11:token=T;object=O;type=cert?module-path=m": "a private key " +
			"is needed",
		"pkcs11:token=T;object=O?module-path=m&pin-value=1234":                   "use pin-source",
		"pkcs11:token=T;object=O?module-path=m&pin-source=file:":                 "give a file",
		"pkcs11:token=T;object=O?module-path=m&pin-source=%7C/usr/bin/cat%20pin": "give a file",
		"pkcs11:token=T;object=?module-path=m":                                   "no proper value",
		"pkcs11:token=a b;object=O?module-path=m":                                "no proper value",
		"pkcs11:token=%zz;object=O?module-path=m":                                "no proper value",

		"pkcs11:token=T;object=O;?module-path=m": "not one of those",
		"pkcs11:token=T;object=O?module-path=m&": "not one of those",
		"pkcs11:token=T;object=O?module-name=m":  "not one of those",
	} {
		_, err := ParseURI(text)
		require.ErrorContains(t, err, want, text)
		assert.NotContains(t, err.Error(), "1234")
	}
}

// FuzzParseURI: whatever parses names the same key when it is written again.
func FuzzParseURI(f *testing.F) {
	f.Add("pkcs11:token=The%20Token;object=root;id=%01;type=private?module-path=/lib/a.so&p" +
		"in-source=file:/pin")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseURI(text)
		if err != nil {
			return
		}
		again, err := ParseURI(u.String())
		require.NoError(t, err)
		require.Equal(t, u, again)
	})
}
