package engine

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// aeadVectors are those of RFC 3610 §8, packet vectors 1, 3, 6, 7, 12 and 13, and of NIST SP
// 800-38C §C.1 to C.3; and, with a tag of 16 bytes, test cases 4 and 5 of the proposal of GCM by
// McGrew and Viega, appendix B, which NIST SP 800-38D names.
var aeadVectors = []struct {
	name                                       string
	gcm                                        bool
	key, nonce, additional, plain, cipher, tag string
}{
	{"RFC 3610 #1", false, "C0C1C2C3C4C5C6C7C8C9CACBCCCDCECF", "00000003020100A0A1A2A3A4A5",
		"0001020304050607", "08090A0B0C0D0E0F101112131415161718191A1B1C1D1E",
		"588C979A61C663D2F066D0C2C0F989806D5F6B61DAC384", "17E8D12CFDF926E0"},
	{"RFC 3610 #3", false, "C0C1C2C3C4C5C6C7C8C9CACBCCCDCECF", "00000005040302A0A1A2A3A4A5",
		"0001020304050607", "08090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20",
		"51B1E5F44A197D1DA46B0F8E2D282AE871E838BB64DA859657", "4ADAA76FBD9FB0C5"},
	{"RFC 3610 #6", false, "C0C1C2C3C4C5C6C7C8C9CACBCCCDCECF", "00000008070605A0A1A2A3A4A5",
		"000102030405060708090A0B", "0C0D0E0F101112131415161718191A1B1C1D1E1F20",
		"6FC1B011F006568B5171A42D953D469B2570A4BD87", "405A0443AC91CB94"},
	{"RFC 3610 #7", false, "C0C1C2C3C4C5C6C7C8C9CACBCCCDCECF", "00000009080706A0A1A2A3A4A5",
		"0001020304050607", "08090A0B0C0D0E0F101112131415161718191A1B1C1D1E",
		"0135D1B2C95F41D5D1D4FEC185D166B8094E999DFED96C", "048C56602C97ACBB7490"},
	{"RFC 3610 #12", false, "C0C1C2C3C4C5C6C7C8C9CACBCCCDCECF", "0000000E0D0C0BA0A1A2A3A4A5",
		"000102030405060708090A0B", "0C0D0E0F101112131415161718191A1B1C1D1E1F20",
		"C0FFA0D6F05BDB67F24D43A4338D2AA4BED7B20E43", "CD1AA31662E7AD65D6DB"},
	{"RFC 3610 #13", false, "D7828D13B2B0BDC325A76236DF93CC6B", "00412B4EA9CDBE3C9696766CFA",
		"0BE1A88BACE018B1", "08E8CF97D820EA258460E96AD9CF5289054D895CEAC47C",
		"4CB97F86A2A4689A877947AB8091EF5386A6FFBDD080F8", "E78CF7CB0CDDD7B3"},
	{"SP 800-38C #1", false, "404142434445464748494A4B4C4D4E4F", "10111213141516",
		"0001020304050607", "20212223", "7162015B", "4DAC255D"},
	{"SP 800-38C #2", false, "404142434445464748494A4B4C4D4E4F", "1011121314151617",
		"000102030405060708090A0B0C0D0E0F", "202122232425262728292A2B2C2D2E2F",
		"D2A1F0E051EA5F62081A7792073D593D", "1FC64FBFACCD"},
	{"SP 800-38C #3", false, "404142434445464748494A4B4C4D4E4F", "101112131415161718191A1B",
		"000102030405060708090A0B0C0D0E0F10111213",
		"202122232425262728292A2B2C2D2E2F3031323334353637",
		"E3B201A9F5B71A7A9B1CEAECCD97E70B6176AAD9A4428AA5", "484392FBC1B09951"},
	{"GCM #4", true, "FEFFE9928665731C6D6A8F9467308308", "CAFEBABEFACEDBADDECAF888",
		"FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2",
		"D9313225F88406E5A55909C5AFF5269A86A7A9531534F7DA2E4C303D8A318A72" +
			"1C3C0C95956809532FCF0E2449A6B525B16AEDF5AA0DE657BA637B39",
		"42831EC2217774244B7221B784D0D49CE3AA212F2C02A4E035C17E2329ACA12E" +
			"21D514B25466931C7D8F6A5AAC84AA051BA30B396A0AAC973D58E091",
		"5BC94FBC3221A5DB94FAE95AE7121A47"},
	{"GCM #5", true, "FEFFE9928665731C6D6A8F9467308308", "CAFEBABEFACEDBAD",
		"FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2",
		"D9313225F88406E5A55909C5AFF5269A86A7A9531534F7DA2E4C303D8A318A72" +
			"1C3C0C95956809532FCF0E2449A6B525B16AEDF5AA0DE657BA637B39",
		"61353B4C2806934A777FF51FA22A4755699B2A714FCDC6F83766E5F97B6C7423" +
			"73806900E49F24B22B097544D4896B424989B5E1EBAC0F07C23F4598",
		"3612D2E79E3B0785561BE14AACA2FCCB"},
}

// inParts gives bytes to a function one part after the other, the first of which is empty.
func inParts(t *rapid.T, all []byte, take func([]byte)) {
	take(nil)
	for len(all) > 0 {
		n := rapid.IntRange(1, len(all)).Draw(t, "part")
		take(all[:n])
		all = all[n:]
	}
}

// Every vector, both ways, in any parts.
func TestAEADOfPublishedVectors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SampledFrom(aeadVectors).Draw(t, "vector")
		block, err := NewAES(unhex(v.key))
		require.NoError(t, err)
		for _, encrypt := range []bool{true, false} {
			in, want := unhex(v.plain), v.cipher
			if !encrypt {
				in, want = unhex(v.cipher), v.plain
			}
			var mode AEAD
			if v.gcm {
				mode, err = NewGCM(block, encrypt, unhex(v.nonce))
			} else {
				mode, err = NewCCM(block, encrypt, unhex(v.nonce), len(unhex(v.additional)),
					len(in), len(unhex(v.tag)))
			}
			require.NoError(t, err)
			var out []byte
			inParts(t, unhex(v.additional), mode.Additional)
			inParts(t, in, func(part []byte) {
				kept := mode
				mode = mode.Copy()
				kept.Crypt(nil, []byte("what is done with the other"))
				out = mode.Crypt(out, part)
			})
			assert.Equal(t, unhex(want), out, v.name)
			assert.Equal(t, unhex(v.tag), mode.Tag(), v.name)
		}
	})
}

// RFC 3610 §2: what the lengths may be.
func TestCCMRefusesOtherLengths(t *testing.T) {
	block, err := NewAES(make([]byte, 16))
	require.NoError(t, err)
	for _, c := range []struct {
		nonce, additional, message, tag int
		fails                           bool
	}{
		{7, 0, 0, 4, false}, {13, 65_279, 65_535, 16, false}, {12, 0, 65_536, 8, false},
		{6, 0, 0, 4, true}, {14, 0, 0, 4, true}, {13, 65_280, 0, 4, true}, {13, 0, 65_536, 4, true},
		{13, -1, 0, 4, true}, {13, 0, -1, 4, true}, {13, 0, 0, 2, true}, {13, 0, 0, 5, true},
		{13, 0, 0, 18, true},
	} {
		_, err := NewCCM(block, true, make([]byte, c.nonce), c.additional, c.message, c.tag)
		assert.Equal(t, c.fails, err != nil, "%+v", c)
	}
	des, err := NewDES(make([]byte, 8))
	require.NoError(t, err)
	_, err = NewCCM(des, true, make([]byte, 13), 0, 0, 4)
	assert.ErrorIs(t, err, ErrParameter)
	_, err = NewGCM(des, true, make([]byte, 12))
	assert.ErrorIs(t, err, ErrParameter)
	_, err = NewGCM(block, true, nil)
	assert.ErrorIs(t, err, ErrParameter)
}
