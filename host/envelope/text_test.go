package envelope

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"image"
	"image/color"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
	"ekrona.example/host/crisis"
)

// exchanged returns one of each message that passes between payer and payee, as long as they get,
// with certificates of the usual lengths.
func exchanged(t testing.TB) map[Kind]Envelope {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	asked := message.Request{Payee: "SEFJORDBC0000002", Number: 7, Amount: 80 * money.Krona,
		Payer: "SENORDICC0000001"}
	require.NoError(t, message.Sign(&asked, key))
	all := map[Kind]Envelope{}
	for kind, m := range map[Kind]message.Message{
		Request: &asked,
		Payment: &message.Payment{Payer: "SENORDICC0000001", ATC: 9, Request: asked},
		Receipt: &message.Receipt{Payee: asked.Payee, ATC: 3, Payer: asked.Payer, Number: 7},
		Refusal: &message.Refusal{Payee: asked.Payee, ATC: 3, Number: 7, Payer: asked.Payer},
	} {
		signed, err := Sign(m, key)
		require.NoError(t, err)
		all[kind] = Envelope{Message: signed, Certificate: object(t, spec.TagCertificate, 232),
			Authority: object(t, spec.TagCertificate, 220)}
	}
	return all
}

// TestACrisisOrderIsBesideTheMessage: in the text, not in the QR code nor among the bytes.
func TestACrisisOrderIsBesideTheMessage(t *testing.T) {
	day, err := message.ParseDate("2027-03-01")
	require.NoError(t, err)
	order, err := message.Encode(&message.CrisisOrder{CrisisKey: "SECRISIS00001",
		Notary: "SENOTARY00001", Number: 7, From: day, Until: day})
	require.NoError(t, err)
	for _, whole := range exchanged(t) {
		for _, e := range []Envelope{whole, whole.Compact(), {Message: whole.Message}} {
			beside := e
			beside.Crisis = crisis.Carried{Order: order}
			parsed, err := ParseText(beside.Text())
			require.NoError(t, err)
			assert.Equal(t, beside, parsed)
			assert.Equal(t, e.Bytes(), beside.Bytes())
			code, err := beside.QR()
			require.NoError(t, err)
			assert.Equal(t, e.Compact().Text(), code.Text)
			beside.Crisis.Order = append(bytes.Clone(order), 0)
			_, err = ParseText(beside.Text())
			require.ErrorIs(t, err, message.ErrMalformed)
		}
	}
}

func TestTextComesBackAsItWas(t *testing.T) {
	for kind, e := range exchanged(t) {
		assert.Equal(t, kind, e.Kind())
		for _, e := range []Envelope{e, e.Compact(), {Message: e.Message}} {
			text := e.Text()
			assert.True(t, IsText(text))
			assert.NotContains(t, text, "\n")
			parsed, err := ParseText(text)
			require.NoError(t, err)
			assert.Equal(t, e, parsed)
		}
	}
}

func TestTextSurvivesMailAndHands(t *testing.T) {
	e := exchanged(t)[Payment]
	text := e.Text()
	wrapped := "  " + text[:60] + "\r\n\t" + text[60:200] + "\u00a0" + text[200:] + "\n\n"
	for _, copied := range []string{wrapped, strings.ToLower(text)} {
		parsed, err := ParseText(copied)
		require.NoError(t, err)
		assert.Equal(t, e, parsed)
		assert.True(t, IsText(copied))
	}
}

func TestWhatAQRCodeLeavesOut(t *testing.T) {
	for kind, e := range exchanged(t) {
		compact := e.Compact()
		assert.Equal(t, e.Message, compact.Message, kind)
		assert.Nil(t, compact.Authority, kind)
		if kind == Request || kind == Payment {
			assert.Equal(t, e.Certificate, compact.Certificate, kind)
		} else {
			assert.Nil(t, compact.Certificate, kind)
		}
	}
}

func TestParseTextRefuses(t *testing.T) {
	e := exchanged(t)[Request]
	text := e.Text()
	last := len(text) - 1
	state, err := tlv.Append(nil, spec.TagState, make([]byte, 90))
	require.NoError(t, err)
	noMessage := Envelope{Message: append(state, object(t, spec.TagSignature, 64)...)}
	for name, c := range map[string]struct{ text, says string }{
		"nothing":          {"", `begins with "" and should begin with "EKRONA:1:"`},
		"a file's name":    {"request.txt", `begins with "REQUEST.TXT"`},
		"another version":  {"EKRONA:2:" + text[len(TextPrefix):], `version "2", and this`},
		"a version alone":  {"EKRONA:1", `version "1"`},
		"prefix alone":     {TextPrefix, "checksum"},
		"cut short":        {text[:last-8], "copy it again"},
		"one letter amiss": {text[:50] + string(text[50]^1) + text[51:], "checksum"},
		"no base32":        {text[:50] + "!" + text[51:], "not whole"},
		"padding":          {text + "=", "not whole"},
		"twice":            {text + text, "not whole"},
		"too long":         {text + strings.Repeat("A", MaxTextLength), "more than 65536"},
		"something after":  {textOf(append(e.Bytes(), 0x81, 0)), "left over"},
		"half a message":   {textOf(e.Message[:len(e.Message)-67]), "malformed"},
		"two certificates": {Envelope{Message: e.Message, Certificate: e.Certificate,
			Authority: e.Message}.Text(), "should be"},
		"another's message": {noMessage.Text(), "neither Request, Payment, Receipt nor Refusal"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseText(c.text)
			require.ErrorContains(t, err, "envelope: ")
			assert.ErrorContains(t, err, c.says)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func textOf(b []byte) string { return Envelope{Message: b}.Text() }

func FuzzParseText(f *testing.F) {
	for _, e := range exchanged(f) {
		f.Add(e.Text())
		f.Add(e.Compact().Text() + "\n")
		e.Provenance = [][]byte{acceptRecord(f, "SENORDICC0000001", "SEFJORDBC0000002", 1)}
		f.Add(e.Text())
	}
	f.Add("ekrona:1:")
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := ParseText(text)
		if err != nil {
			return
		}
		assert.NotEmpty(t, parsed.Kind())
		assert.Equal(t, clean(text), parsed.Text())
	})
}

// exact says that a picture is the code alone, unturned: where it lies in a photo is another's to
// find, and it is missed now and then.
var exact = map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true}

// TestQRCodesAreRead reads what the terminal shows, with another's decoder.
func TestQRCodesAreRead(t *testing.T) {
	sizes := map[Kind]int{}
	for kind, e := range exchanged(t) {
		code, err := e.QR()
		require.NoError(t, err)
		assert.Equal(t, e.Compact().Text(), code.Text)
		sizes[kind] = code.Size()

		shown, err := gozxing.NewBinaryBitmapFromImage(screen(t, code))
		require.NoError(t, err)
		read, err := qrcode.NewQRCodeReader().Decode(shown, exact)
		require.NoError(t, err, kind)
		assert.Equal(t, code.Text, read.GetText())
	}
	assert.LessOrEqual(t, sizes[Request], 81)
	for kind, size := range sizes {
		assert.LessOrEqual(t, size, 89, "%s: the width that --qr promises", kind)
	}
}

// screen returns what a terminal shows of a code, four dots for a module.
func screen(t *testing.T, code QR) image.Image {
	t.Helper()
	const dots = 4
	lines := strings.Split(strings.TrimSuffix(code.String(), "\n"), "\n")
	picture := image.NewGray(image.Rect(0, 0, code.Size()*dots, 2*len(lines)*dots))
	for row, line := range lines {
		line, is := strings.CutPrefix(line, blackOnWhite)
		require.True(t, is)
		line, is = strings.CutSuffix(line, asBefore)
		require.True(t, is)
		require.Equal(t, code.Size(), utf8.RuneCountInString(line))
		for column, character := range []rune(line) {
			upper, lower := color.White, color.White
			if character == '█' || character == '▀' {
				upper = color.Black
			}
			if character == '█' || character == '▄' {
				lower = color.Black
			}
			for dot := range dots * dots {
				x, y := column*dots+dot%dots, 2*row*dots+dot/dots
				picture.Set(x, y, upper)
				picture.Set(x, y+dots, lower)
			}
		}
	}
	return picture
}

// TestProvenanceIsBesideAPayment: in the text, between the envelope and a crisis order, and not in
// the QR code nor among the bytes.
func TestProvenanceIsBesideAPayment(t *testing.T) {
	for kind, whole := range exchanged(t) {
		e := whole
		e.Provenance = [][]byte{acceptRecord(t, "SENORDICC0000001", "SEFJORDBC0000002", 1),
			acceptRecord(t, "SENORDICC0000003", "SENORDICC0000001", 2)}
		e.Crisis = carriedOrder(t)
		for _, e := range []Envelope{e, {Message: e.Message, Provenance: e.Provenance}} {
			parsed, err := ParseText(e.Text())
			require.NoError(t, err, kind)
			assert.Equal(t, e, parsed)
			code, err := e.QR()
			require.NoError(t, err)
			assert.Equal(t, whole.Compact().Message, e.Compact().Message)
			assert.Nil(t, e.Compact().Provenance)
			assert.Equal(t, e.Compact().Text(), code.Text)
		}
		assert.Equal(t, whole.Bytes(), e.Bytes())
		full := whole
		full.Provenance = slices.Repeat(e.Provenance, MaxProvenance/2)
		assert.Less(t, len(full.Text()), MaxTextLength, "as many as there may be fit")
		_, err := ParseText(full.Text())
		require.NoError(t, err)
		full.Provenance = append(full.Provenance, e.Provenance[0])
		_, err = ParseText(full.Text())
		require.ErrorContains(t, err, "more than 64 records")
		e.Provenance[1] = e.Provenance[1][:20]
		_, err = ParseText(e.Text())
		require.ErrorContains(t, err, "envelope: ")
	}
}

// acceptRecord is a Receipt and its Payment.
func acceptRecord(t testing.TB, payer, payee message.DeviceID, number uint32) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	asked := message.Request{Payee: payee, Number: number, Amount: 80 * money.Krona, Payer: payer}
	require.NoError(t, message.Sign(&asked, key))
	payment := &message.Payment{Payer: payer, ATC: number, Request: asked}
	require.NoError(t, message.Sign(payment, key))
	identity, err := message.Identity(payment)
	require.NoError(t, err)
	receipt := &message.Receipt{Payee: payee, ATC: number, Payer: payer, Number: number,
		Payment: identity}
	require.NoError(t, message.Sign(receipt, key))
	encoded, err := message.Record{Payment: payment, Receipt: receipt}.Encode()
	require.NoError(t, err)
	return encoded
}

func carriedOrder(t testing.TB) crisis.Carried {
	t.Helper()
	day, err := message.ParseDate("2027-03-01")
	require.NoError(t, err)
	order, err := message.Encode(&message.CrisisOrder{CrisisKey: "SECRISIS00001",
		Notary: "SENOTARY00001", Number: 7, From: day, Until: day})
	require.NoError(t, err)
	return crisis.Carried{Order: order}
}

// TestFundingIsWhatMayHaveFunded: the nearest first, each once, through rings, and nothing else.
func TestFundingIsWhatMayHaveFunded(t *testing.T) {
	record := func(payer, payee string, number uint32) []byte {
		return acceptRecord(t, message.DeviceID("SENORDICC000000"+payer),
			message.DeviceID("SENORDICC000000"+payee), number)
	}
	toC, toB, ring, other := record("2", "3", 1), record("1", "2", 2), record("3", "1", 3),
		record("4", "5", 4)
	refusal, err := message.Record{Refusal: &message.Refusal{Payee: "SENORDICC0000003",
		ATC: 9, Number: 9, Payer: "SENORDICC0000001"}}.Encode()
	require.NoError(t, err)
	all := [][]byte{other, ring, toB, toC, toC, refusal, nil, {0xFF}}
	assert.Equal(t, [][]byte{toC, toB, ring}, Funding("SENORDICC0000003", all))
	assert.Empty(t, Funding("SENORDICC0000009", all))
	assert.Equal(t, [][]byte{other}, Funding("SENORDICC0000005", all))
	var many [][]byte
	for n := range uint32(MaxProvenance + 5) {
		many = append(many, record("1", "2", n+1))
	}
	assert.Equal(t, many[:MaxProvenance], Funding("SENORDICC0000002", many))
}
