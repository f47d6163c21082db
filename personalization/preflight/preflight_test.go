package preflight_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	"ekrona.example/emulator/card"
	emulated "ekrona.example/emulator/globalplatform"
	"ekrona.example/personalization/preflight"
)

func options(t testing.TB) preflight.Options {
	t.Helper()
	need, err := preflight.NeedOf(applet.CAP, spec.DefaultSlots)
	require.NoError(t, err)
	return preflight.Options{
		ATR: emulated.ATR(), Today: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), Need: need,
		FinalVersion: 0x30,
	}
}

func blank(t testing.TB, profile card.Profile) *emulated.Card {
	t.Helper()
	c, err := card.New(card.Options{Profile: profile, Random: rand.NewChaCha8([32]byte{1})})
	require.NoError(t, err)
	managed, err := emulated.New(c, emulated.Options{Random: rand.NewChaCha8([32]byte{2})})
	require.NoError(t, err)
	return managed
}

func page(t testing.TB, r *preflight.Report) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, r.Write(&out))
	return out.String()
}

func TestNeedIsThatOfTheApplet(t *testing.T) {
	need := options(t).Need
	assert.Equal(t, "3.0.4", need.Platform)
	assert.Greater(t, need.Persistent, 10_000)
	assert.Less(t, need.Persistent, card.P71.NVMBytes)
	assert.Greater(t, need.Transient, 100)
}

func TestBlankCard(t *testing.T) {
	c := blank(t, card.P71)
	var sent []apdu.Command
	watched := apdu.Recorder{Card: c,
		Sink: func(e apdu.Exchange) { sent = append(sent, e.Command) }}
	o := options(t)
	r, err := preflight.Inspect(t.Context(), watched, o)
	require.NoError(t, err)
	assert.True(t, r.Able, r.Findings)
	for _, command := range sent {
		assert.Contains(t, []byte{gpc.InsSelect, gpc.InsGetData}, command.INS,
			"nothing else goes out")
	}
	text := page(t, r)
	for _, want := range []string{"NXP P71D321, JCOP 4", "made 2018-12-11", "SCP03 i=70",
		"AES-128; initial keys", "not on the card", "Yes, as far as"} {
		assert.Contains(t, text, want)
	}
	for _, line := range strings.Split(text, "\n") {
		assert.LessOrEqual(t, len(line), 100, line)
	}
	encoded, err := json.Marshal(r)
	require.NoError(t, err)
	assert.Contains(t, string(encoded), `"can_take_the_applet":true`)
	assert.Contains(t, string(encoded), `"atr":"3BD518FF8191FE1FC38073C821100A"`)

	o.Ask, o.Random = true, rand.NewChaCha8([32]byte{3})
	r, err = preflight.Inspect(t.Context(), watched, o)
	require.NoError(t, err)
	assert.Equal(t, &preflight.Offer{KeyVersion: gpc.InitialKeySet,
		Channel: gpc.SecureChannel{Protocol: 3, I: 0x70}}, r.Offer)
	assert.NotContains(t, sent, apdu.Command{INS: gpc.InsExternalAuthenticate})
}

func TestCardsThatCannotTakeIt(t *testing.T) {
	small := card.P71
	small.NVMBytes = 20_000
	locked := blank(t, card.P71)
	client, err := globalplatform.Open(t.Context(), locked, nil,
		scp03.Options{Keys: scp03.TestKeys()})
	require.NoError(t, err)
	for _, to := range []gpc.LifeCycle{gpc.Initialized, gpc.Secured, gpc.CardLocked} {
		require.NoError(t, client.SetCardStatus(t.Context(), to))
	}
	for name, row := range map[string]struct {
		card apdu.Card
		want string
	}{
		"too small":  {blank(t, small), "free memory"},
		"locked":     {locked, "card manager"},
		"no manager": {answering(map[string]string{}), "card manager"},
		"SCP02": {answering(map[string]string{"00A4040000": fci,
			"80CA0066": "660D730B06092A864886FC6B040255"}), "secure channel"},
		"old": {answering(map[string]string{"00A4040000": fci,
			"80CA0066": "660F730D060B2B060104012A026E010202"}), "Java Card"},
		"3DES keys": {answering(map[string]string{"00A4040000": fci,
			"80CA00E0": "E012C00401FF8010C00402FF8010C00403FF8010"}), "keys"},
		"both sets": {answering(map[string]string{
			"00A4040000": fci, "80CA00E0": "E024C00401FF8810C00402FF8810C00403FF8810C0040130" +
				"8810C00402308810C00403308810",
		}), "keys"},
	} {
		r, err := preflight.Inspect(t.Context(), row.card, options(t))
		require.NoError(t, err, name)
		assert.False(t, r.Able, name)
		assert.True(t, slices.ContainsFunc(r.Findings, func(f preflight.Finding) bool {
			return f.Mark == preflight.Stop && f.Subject == row.want && f.Do != ""
		}), "%s: %v", name, r.Findings)
		assert.Contains(t, page(t, r), "No: this card cannot take the applet", name)
	}
}

const fci = "6F108408A000000151000000A5049F6501FF"

// answering is a card that knows some commands by their first bytes, and answers 6A88 to
// all others; to SELECT 6A82.
func answering(answers map[string]string) apdu.Card {
	return apdu.CardFunc(func(_ context.Context, c apdu.Command) (apdu.Response, error) {
		raw, err := c.Bytes()
		if err != nil {
			return apdu.Response{}, err
		}
		for begins, answer := range answers {
			if strings.HasPrefix(fmt.Sprintf("%X", raw), begins) {
				data, _ := hex.DecodeString(answer)
				return apdu.Response{Data: data, SW: apdu.OK}, nil
			}
		}
		if c.INS == gpc.InsSelect {
			return apdu.Response{SW: apdu.SWFileNotFound}, nil
		}
		return apdu.Response{SW: apdu.SWNotFound}, nil
	})
}

// A card that reports nothing but its security domain is accepted all the same.
// TestRefusedInitializeUpdate: the supplier is blamed only where the card has no keys
// for SCP03.
func TestRefusedInitializeUpdate(t *testing.T) {
	for sw, want := range map[apdu.StatusWord]string{
		apdu.SWSecurity: "opens no secure channel now",
		apdu.SWBlocked:  "opens no secure channel now",
		apdu.SWNotFound: "have its supplier put AES keys",
	} {
		c := blank(t, card.P71)
		refusing := apdu.CardFunc(func(ctx context.Context, command apdu.Command) (apdu.Response,
			error) {
			if command.INS == gpc.InsInitializeUpdate {
				return apdu.Response{SW: sw}, nil
			}
			return c.Transmit(ctx, command)
		})
		o := options(t)
		o.Ask = true
		r, err := preflight.Inspect(t.Context(), refusing, o)
		require.NoError(t, err)
		assert.False(t, r.Able)
		found := slices.IndexFunc(r.Findings,
			func(f preflight.Finding) bool { return f.Subject == "INITIALIZE UPDATE" })
		require.GreaterOrEqual(t, found, 0)
		assert.Contains(t, r.Findings[found].Text+" "+r.Findings[found].Do, want, sw)
	}
}

func TestUnknownStopsNothing(t *testing.T) {
	o := options(t)
	o.ATR = nil
	r, err := preflight.Inspect(t.Context(), answering(map[string]string{"00A4040000": fci}), o)
	require.NoError(t, err)
	assert.True(t, r.Able, r.Findings)
	assert.Equal(t, "6A88", r.NotReported["keys"])
}

func TestLostLinkIsAnError(t *testing.T) {
	lost := errors.New("pulled")
	_, err := preflight.Inspect(t.Context(),
		apdu.CardFunc(func(context.Context, apdu.Command) (apdu.Response, error) {
			return apdu.Response{}, lost
		}), options(t))
	assert.ErrorIs(t, err, lost)
	assert.EqualError(t, err,
		"the card was lost during its inspection: hold it to the reader again (pulled)")
}

// Whatever a card answers, the report can be made, read and written.
func FuzzInspect(f *testing.F) {
	o := options(f)
	o.Ask = true
	f.Add([]byte{0x6F, 0x10}, []byte{0x9F, 0x7F, 0}, emulated.ATR())
	f.Fuzz(func(t *testing.T, first, other, atr []byte) {
		n := 0
		o := o
		o.ATR, o.Random = atr, rand.NewChaCha8([32]byte{})
		r, err := preflight.Inspect(t.Context(),
			apdu.CardFunc(func(_ context.Context, c apdu.Command) (apdu.Response, error) {
				n++
				switch {
				case n == 1 && len(first)%2 == 0:
					return apdu.Response{
						Data: []byte("\x6F\x10\x84\x08\xA0\x00\x00\x01\x51\x00\x00\x00\xA5" +
							"\x04\x9F\x65\x01\xFF"), SW: apdu.OK}, nil
				case n%2 == 1:
					return apdu.Response{Data: first, SW: apdu.OK}, nil
				}
				return apdu.Response{Data: other, SW: apdu.OK}, nil
			}), o)
		require.NoError(t, err)
		require.NotEmpty(t, page(t, r))
		_, err = json.Marshal(r)
		require.NoError(t, err)
	})
}

// A real P71, by what such cards answered to others (see apdu/gpc/cardinfo_test.go; the
// identification is another product's of the family), reads like this.
func TestPageOfARealCard(t *testing.T) {
	o := options(t)
	o.Need.Transient = 2_400
	r, err := preflight.Inspect(t.Context(), answering(map[string]string{
		"00A4040000": fci,
		"80CA9F7F": "9F7F2A4790D32147000000000083456E6E6E50524300000000000000005758594E4E" +
			"4E4E4E0000000000000000",
		"80CA0066": "664D734B06072A864886FC6B01600B06092A864886FC6B020203630906072A864886" +
			"FC6B03640B06092A864886FC6B040370650D060B2A864886FC6B0507020000660C060A2B060104" +
			"012A026E0103",
		"80CA0067": "6728A00D800103810500102060708201078103E5BEC082031E030083010284010285" +
			"017B86010C87017B",
		"80CA00E0": "E012C00401018810C00402018810C00403018810",
		"80CA00FE": "FE58DF2855010C0001B90C91154CB8C02A00AA0208000000000000000003184A3352" +
			"363030303337333138313230306D20B6197D635E7C05010006040000D81F0701010808B3375FE9" +
			"B5508BC40901030A0855606FD4BEECF3CD",
		"80CAFF21": "FF210F81010482040001F1CC8304000009DA",
	}), o)
	require.NoError(t, err)
	assert.True(t, r.Able)
	assert.Equal(t, fmt.Sprintf(
		`      ATR               3BD518FF8191FE1FC38073C821100A, T=1, up to 12 bit in 372 clock`+
			` cycles
ok    card manager      A000000151000000, 255 bytes a command
      chip              NXP P71D321, JCOP 4 (maker 4790, type D321, system 4700); serial 6E6E6E50,
                        batch 5243, made 2018-12-11
      platform          J3R6000373181200, ROM B3375FE9B5508BC4, patch 0000000000000000,
                        configuration 0001B90C91154CB8C02A00AA
      GlobalPlatform    2.3
ok    Java Card         3, according to its card data; the applet needs 3.0.4
ok    secure channel    SCP03 i=70, SCP03 i=00, SCP03 i=10, SCP03 i=20, SCP03 i=60; at most
                        C-MAC+C-ENC+R-MAC+R-ENC
      keys 01           AES-128
ok    free memory       127436 bytes, 2522 transient; the applet takes about %d and %d, with
                        %d slots
ok    P-256             the card manager verifies signatures over it, so the card has it; that
                        applets may use it shows at INSTALL
ok    e-krona applet    not on the card

Yes: this card can take the applet.
`, o.Need.Persistent, o.Need.Transient, o.Need.Slots), page(t, r))
}
