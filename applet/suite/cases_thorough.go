package suite

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/cmac"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
)

// thoroughCases are those without which a changed applet passed the suite: see
// package mutation.
var thoroughCases = []testCase{
	{"a link must be signed, and not have expired", func(c *caseRun) {
		s := c.install()
		s.learnCA(c.world.root)
		s.answers(spec.SWCertificate, spec.VerifyCertificate.Only(), flipLast(c.world.link.encoded))
		old := c.certify(c.world.root,
			entry{holder: "SERIKSBK00002", role: spec.RoleRoot,
				key: &c.world.nextRoot.key.PublicKey, to: yesterday})
		s.answers(spec.SWExpired, spec.VerifyCertificate.Only(), old.encoded)
		late := c.certify(c.world.nextRoot,
			entry{holder: "SEBANK9100001", role: spec.RoleIntermediary})
		s.answers(spec.SWReferenceUnknown, spec.VerifyCertificate.Only(), late.encoded)
		s.learnCA(c.world.link, late)
	}},
	{"install parameters with a date that is none are refused", func(c *caseRun) {
		s := c.install()
		good, err := s.parameters.Encode()
		c.must(err)
		dateIn(good, 0x25)[spec.DateLength-1] = 0x0A
		_, err = c.target.Install(c.ctx, good)
		assert.Error(c, err)
	}},
	{"a long answer announces that more than 255 bytes are left, and then how many",
		func(c *caseRun) {
			s := c.active()
			s.enterPIN()
			payer := c.device(s.bank, spec.RoleCard)
			p := c.payment(payer, s.ask(100, payer.id()))
			s.accept(payer, p)
			v := c.variant(spec.ReadRecord, "log")
			v.P1 = 1
			first := v.APDU()
			first.Ne = 1
			r, err := s.raw.Transmit(c.ctx, first)
			c.must(err)
			require.EqualValues(c, spec.SWMoreData, r.SW, "6100: 256 or more")
			whole := r.Data
			next := spec.GetResponse.Only().APDU()
			for r.SW == spec.SWMoreData {
				r, err = s.raw.Transmit(c.ctx, next)
				c.must(err)
				whole = append(whole, r.Data...)
			}
			require.EqualValues(c, spec.SWMoreData, r.SW&0xFF00)
			next.Ne = int(r.SW & 0xFF)
			r, err = s.raw.Transmit(c.ctx, next)
			c.must(err)
			require.Equal(c, apdu.OK, r.SW)
			record, err := s.model.records[0].Encode()
			c.must(err)
			assert.Equal(c, record, append(whole, r.Data...))
		}},
	{"challenges and Requests are never twice the same", func(c *caseRun) {
		s := c.active()
		assert.NotEqual(c, s.nextNonce(), s.nextNonce())
		s.enterPIN()
		assert.NotEqual(c, s.ask(100, "").Random, s.ask(100, "").Random)
	}},
	{"before activation nothing of a payment is looked at", func(c *caseRun) {
		s := c.personalized()
		for _, v := range []spec.Variant{spec.Pay.Only(), spec.Accept.Only(),
			spec.RequestPayment.Only(), spec.Refuse.Only(), spec.Instruct.Only(),
			spec.GetState.Only()} {
			s.answers(spec.SWConditions, v, []byte{0})
		}
		s.activate()
	}},
	{"enciphered PINs are filled up with zeros", func(c *caseRun) {
		s := c.active()
		for _, e := range encipheredPINs[1:] {
			v := c.variant(e.command, "enciphered")
			s.answers(spec.SWWrongData, v, s.encipheredWithFiller(c.blocks(e.right), 1))
			s.succeeds(v, s.encipheredWithFiller(c.blocks(e.right), 0))
		}
	}},
}

// dateIn finds a date in a body: tag 5F24 or 5F25.
func dateIn(body []byte, second byte) []byte {
	return body[bytes.Index(body, []byte{0x5F, second, spec.DateLength})+3:][:spec.DateLength]
}

// ephemeralScalar is the whole randomness of an enciphered PIN here: the keys that
// follow from it are made again, to change the plaintext.
var ephemeralScalar = bytes.Repeat([]byte{0x5A}, spec.ScalarLength)

// encipheredWithFiller is the data of an enciphered PIN command of two blocks whose
// last byte, of those that fill it up, is that one.
func (s *subject) encipheredWithFiller(blocks [][]byte, filler byte) []byte {
	c := s.c
	data, err := pin.Encipher(bytes.NewReader(ephemeralScalar), s.pinKey, s.nextNonce(),
		pin.Block(blocks[0]), pin.Block(blocks[1]))
	c.must(err)
	macKey, encryptionKey := s.agreed(ephemeralScalar)
	block, err := aes.NewCipher(encryptionKey)
	c.must(err)
	const macObject = 2 + spec.PINMACLength
	macked := data[:len(data)-macObject]
	cryptogram := macked[len(macked)-2*aes.BlockSize:]
	zeros := make([]byte, aes.BlockSize)
	cipher.NewCBCDecrypter(block, zeros).CryptBlocks(cryptogram, cryptogram)
	cryptogram[len(cryptogram)-1] = filler
	cipher.NewCBCEncrypter(block, zeros).CryptBlocks(cryptogram, cryptogram)
	mac, err := cmac.Sum(macKey, macked)
	c.must(err)
	copy(data[len(data)-spec.PINMACLength:], mac[:])
	return data
}
