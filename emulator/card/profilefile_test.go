package card_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/api"
	"ekrona.example/emulator/card"
)

// Every profile of the program can be written and is the same card when it is read.
func TestProfileFiles(t *testing.T) {
	for _, p := range card.Profiles() {
		file, err := p.File()
		require.NoError(t, err)
		read, err := card.ParseProfile(file)
		require.NoError(t, err, "%s", file)
		again, err := read.File()
		require.NoError(t, err)
		assert.Equal(t, string(file), string(again))
		assert.Equal(t, [...]int{p.NVMBytes, p.RAMBytes, max(1, p.RAMUnit), p.CommitBytes,
			p.APDUBuffer}, [...]int{read.NVMBytes, read.RAMBytes, read.RAMUnit,
			read.CommitBytes, read.APDUBuffer})
		assert.Equal(t, p.Product.RAM, read.Product.RAM)
		_, err = card.New(card.Options{Profile: read})
		require.NoError(t, err)
	}
}

// A card of a user's own file is what the file says.
func TestOwnProfile(t *testing.T) {
	p, err := card.ParseProfile([]byte(`
name: mine
like: j3r180-8pin
title: My card
persistent: 50_000
transient: 2000
apdu-buffer: unlimited
data-in-buffer: true
atr: 3B 80 80 01 01
version: 3.1
without: [KeyAgreement.ALG_EC_SVDP_DH_PLAIN, KeyPair.ALG_EC_FP:LENGTH_EC_FP_256]
`))
	require.NoError(t, err)
	assert.Equal(t, 50_000, p.NVMBytes)
	assert.Equal(t, 32_767, p.APDUBuffer)
	assert.Equal(t, []byte{0x3B, 0x80, 0x80, 1, 1}, p.ATR)
	assert.Equal(t, int16(0x0301), p.Product.Version)
	c, err := card.New(card.Options{Profile: p})
	require.NoError(t, err)
	for _, constant := range card.Constants() {
		switch constant.Name {
		case "KeyAgreement.ALG_EC_SVDP_DH_PLAIN", "KeyPair.ALG_EC_FP:LENGTH_EC_FP_256":
			assert.False(t, has(t, c, constant))
		case "KeyAgreement.ALG_EC_SVDP_DH_PLAIN_XY", "KeyPair.ALG_EC_FP:LENGTH_EC_FP_384":
			assert.True(t, has(t, c, constant))
		}
	}
}

// What a file does not say of objects is as in the profile that it is like.
func TestObjectsThatAFileDoesNotName(t *testing.T) {
	want := *card.P71.Product.RAM
	want.AESMAC, want.Digest[0] = 1, 5
	list := fmt.Sprint(want.Digest)
	p, err := card.ParseProfile([]byte("name: a\nobjects: {aes-mac: 1, digest: " +
		strings.ReplaceAll(list, " ", ",") + "}"))
	require.NoError(t, err)
	assert.Equal(t, &want, p.Product.RAM)
	p, err = card.ParseProfile([]byte("name: a\nlike: unlimited\nobjects: {aes-mac: 1}"))
	require.NoError(t, err)
	assert.Equal(t, &api.ObjectRAM{AESMAC: 1}, p.Product.RAM)
}

func TestProfileFilesThatAreWrong(t *testing.T) {
	for says, file := range map[string]string{
		"it is empty":         "",
		"name:":               "like: p71",
		"write a short one":   "name: My card",
		"no card profile":     "name: a\nlike: p72",
		"no field colour":     "name: a\ncolour: red",
		"no number of bytes":  "name: a\ntransient: -3",
		"apdu-buffer":         "name: a\napdu-buffer: 10",
		"atr":                 "name: a\natr: 3B0",
		"not 3B or 3F":        "name: a\natr: 4B00",
		"interface bytes":     "name: a\natr: 3BFF",
		"T0 and TD announce":  "name: a\natr: 3B0580",
		"check byte is wrong": "name: a\natr: 3B80800102",
		"cplc":                "name: a\ncplc: 4790",
		"version":             "name: a\nversion: three",
		"getVersion":          "name: a\nversion: 9.9",
		"is no release":       "name: a\njava-card: 9.9",
		"in with and in": "name: a\nwith: [Cipher.ALG_AES_CTR]\n" +
			"without: [Cipher.ALG_AES_CTR]",
		"without which no":     "name: a\npackages: [java/lang]",
		"framework is missing": "name: a\npackages: [java/lang, javacard/security]",
		"lang is missing":      "name: a\npackages: []",
		"give 42 bytes":        "name: a\ncplc: 00",
		"packages":             "name: a\npackages: [java/awt]",
		"no algorithm":         "name: a\nwithout: [ROT13]",
		"cannot be without it": "name: a\nwithout: [Checksum.ALG_ISO3309_CRC16]",
		"objects":              "name: a\nobjects: {digest: [1,2,3,4,5], aes-mac: -1}",
		"behind its end":       "name: a\n---\nname: b",
		"at most":              "name: a # " + strings.Repeat("x", 1<<16),
		"a text belongs":       "name: [a]",
		"true or false":        "name: a\nextended-length: 3",
		"a list of 5 numbers":  "name: a\nobjects: {digest: 3}",
		"fields with values":   "name: a\nobjects: 3",
		"a list belongs":       "name: a\nwithout: 3",
	} {
		_, err := card.ParseProfile([]byte(file))
		require.ErrorIs(t, err, card.ErrProfile, file)
		assert.ErrorContains(t, err, says)
		assert.NotRegexp(t, `\n|card\.|unmarshal|!!|\[5\]|\[\]`, err.Error())
	}
}

// A file of JCAlgTest makes a profile.
func TestProfileOfJCAlgTest(t *testing.T) {
	p, err := card.ProfileOfJCAlgTest("mine", []byte("Card ATR; 3b 80 80 01 01\r\n"+
		"Card name; My card\r\nJCSystem.MEMORY_TYPE_PERSISTENT;>32767B;\r\n"+
		"JCSystem.MEMORY_TYPE_TRANSIENT_RESET;2001B;\r\n\r\njavacard.security.KeyAgreement\r\n"+
		"ALG_EC_SVDP_DH_PLAIN;no;\t0.03;28;0;0\r\nALG_EC_SVDP_DH_PLAIN_XY;yes;\t0.03;28;0;0\r\n"))
	require.NoError(t, err)
	assert.Equal(t, "My card", p.Title)
	assert.Equal(t, card.P71.NVMBytes, p.NVMBytes)
	assert.Equal(t, 2001, p.RAMBytes)
	file, err := p.File()
	require.NoError(t, err)
	assert.Contains(t, string(file), "without:\n    - KeyAgreement.ALG_EC_SVDP_DH_PLAIN\n")
	p, err = card.ProfileOfJCAlgTest("mine", []byte("JCSystem.MEMORY_TYPE_PERSISTENT;"+
		"99999999999999999999B;\njavacard.security.KeyAgreement\nALG_EC_SVDP_DH_PLAIN;no\n"))
	require.NoError(t, err)
	assert.Zero(t, p.NVMBytes, "without limit")
	file, err = p.File()
	require.NoError(t, err)
	_, err = card.ParseProfile(file)
	require.NoError(t, err)
	for _, published := range []string{ // as files do that went through a spreadsheet, and others
		"Card ATR, 3b 80 80 01 01,,,,,,\r\nCard name, A card,,\r\n\r\n" +
			"javacard.security.KeyAgreement,,,,,,,\r\nALG_EC_SVDP_DH_PLAIN,no,,,0.042,48,32,0\r\n",
		"Card ATR; 3b 80 80 01 01,\nCard name; A card,\njavacard.security.KeyAgreement,\n" +
			"ALG_EC_SVDP_DH_PLAIN;no;0.184000,\n",
		"Card ATR; 3B 80 80 01 01 (provided_by_somebody)\nCard name; A card\n" +
			"javacard.security.KeyAgreement\nALG_EC_SVDP_DH_PLAIN;no;\n",
		"Card ATR; 3b xx xx xx 01\nCard name; A card\njavacard.security.KeyAgreement\n" +
			"ALG_EC_SVDP_DH_PLAIN;no;\n",
	} {
		p, err = card.ProfileOfJCAlgTest("mine", []byte(published))
		require.NoError(t, err, published)
		assert.Equal(t, "A card", p.Title)
		if strings.Contains(published, "xx") {
			assert.Empty(t, p.ATR, "it is not told")
		} else {
			assert.Equal(t, []byte{0x3B, 0x80, 0x80, 0x01, 0x01}, p.ATR)
		}
		file, err = p.File()
		require.NoError(t, err)
		assert.Contains(t, string(file), "without:\n    - KeyAgreement.ALG_EC_SVDP_DH_PLAIN\n")
	}
	_, err = card.ProfileOfJCAlgTest("mine", []byte("something else"))
	assert.ErrorIs(t, err, card.ErrProfile)
	_, err = card.ProfileOfJCAlgTest("mine", []byte("Card ATR; none\n"))
	assert.ErrorIs(t, err, card.ErrProfile)
}

// FuzzProfileOfJCAlgTest: whatever results a file has, the profile that is made of them is written
// and read again.
func FuzzProfileOfJCAlgTest(f *testing.F) {
	for _, s := range []string{
		"Card ATR; 3b 80 80 01 01\nCard name; A: \"b\"\nCPLC; 9F7F2A00\n" +
			"JCSystem.MEMORY_TYPE_PERSISTENT;>32767B\nJCSystem.getMaxCommitCapacity();0B\n" +
			"javacard.security.KeyAgreement\nALG_EC_SVDP_DH_PLAIN;no\n",
		"Card name, x,,\njavacardx.crypto.Cipher,,\nALG_AES_CTR,yes,,\n" +
			"javacard.security.KeyPair ALG_EC_FP on-card generation\n" +
			"ALG_EC_FP LENGTH_EC_FP_256;no\n",
	} {
		f.Add("mine", []byte(s))
	}
	f.Fuzz(func(t *testing.T, name string, file []byte) {
		p, err := card.ProfileOfJCAlgTest(name, file)
		if err != nil {
			require.ErrorIs(t, err, card.ErrProfile)
			return
		}
		written, err := p.File()
		require.NoError(t, err)
		again, err := card.ParseProfile(written)
		require.NoError(t, err, "%s", written)
		twice, err := again.File()
		require.NoError(t, err)
		assert.Equal(t, string(written), string(twice))
	})
}

// FuzzParseProfile: what is read makes a card, and is written and read again.
func FuzzParseProfile(f *testing.F) {
	for _, p := range card.Profiles() {
		file, err := p.File()
		require.NoError(f, err)
		f.Add(file)
	}
	f.Add([]byte("name: a\nlike: p71\natr: 3B00\nwithout: [Cipher.ALG_AES_CTR]"))
	f.Fuzz(func(t *testing.T, file []byte) {
		p, err := card.ParseProfile(file)
		if err != nil {
			return
		}
		written, err := p.File()
		require.NoError(t, err)
		_, err = card.ParseProfile(written)
		require.NoError(t, err, "%s", written)
	})
}
