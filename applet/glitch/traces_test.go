package glitch

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/campaign"
)

// secretive reports whether a command has to do with secrets, so that it must execute the same
// whatever they are.
func secretive(c apdu.Command) bool {
	switch {
	case c.CLA&spec.ClassSecured == spec.ClassSecured:
		return true
	case c.INS == spec.PutData.INS:
		return c.P1 == 0
	case c.INS == spec.Pay.INS:
		return c.P2 != 0
	}
	return c.INS == spec.Verify.INS || c.INS == spec.ChangeReferenceData.INS ||
		c.INS == spec.ResetRetryCounter.INS || c.INS == spec.Pair.INS ||
		c.INS == spec.MutualAuthenticate.INS || c.INS == spec.GenerateKeyPair.INS
}

// tracedCases are cases in which everything but secrets is the same in each run: key set-up, PINs
// and PUK in clear and enciphered, right and wrong, PAIR, MUTUAL AUTHENTICATE, secure messaging,
// and both enciphered forms of PAY.
var tracedCases = []string{
	"wrong PINs block the PIN, power cuts or not",
	"VERIFY enciphered: right and wrong",
	"CHANGE REFERENCE DATA enciphered: right and wrong",
	"RESET RETRY COUNTER enciphered: right and wrong",
	"a new PIN ends the pair",
	"a paired phone reads and receives without the PIN",
	"PAY own phone: a wrong PIN takes its try",
	"PAY batch: a wrong PIN takes its try",
}

// TestTracesTellNothing: a command that has to do with a secret executes the same bytecodes for
// every secret. Where it does not is written down with the reason, and when it does again, the
// line must go.
func TestTracesTellNothing(t *testing.T) {
	s, places := suiteOf(t, "")
	content, err := os.ReadFile("partings.txt")
	require.NoError(t, err)
	known, err := campaign.ParseReasons(string(content))
	require.NoError(t, err)
	found := map[string]bool{}
	for _, named := range tracedCases {
		runs := []struct {
			seed   string
			digits func(string) string
		}{{"one", nil}, {"one", otherDigits}, {"one", longerPINs}, {"two", nil}, {"three", nil}}
		var first []Executed
		for _, run := range runs {
			executed, err := s.Traces(t.Context(), named, run.seed, run.digits)
			require.NoError(t, err, named)
			if first == nil {
				first = executed
				continue
			}
			partings, err := PartingsOf(places, first, executed)
			require.NoError(t, err, named)
			for _, at := range partings {
				if !secretive(at.Command) {
					continue
				}
				key := at.Place.Method + campaign.Separator + at.Place.Text
				if found[key] {
					continue
				}
				found[key] = true
				assert.NotEmpty(t, known[key], "%s, command %d, parts from seed one at %s; in "+
					"partings.txt it would be\n%s%s", named, at.Exchange, at.Place, key,
					campaign.Separator)
			}
		}
	}
	for key := range known {
		assert.True(t, found[key], "partings.txt names where runs part no longer: %s", key)
	}
}

// otherDigits are as many as the usual ones, and each is another.
func otherDigits(usual string) string {
	return strings.Map(func(d rune) rune { return '0' + ('9'-d+7)%10 }, usual)
}

// longerPINs has PINs two digits longer; a PUK stays as long as it is.
func longerPINs(usual string) string {
	if len(usual) == spec.PUKDigits {
		return usual
	}
	return usual + "46"
}

// TestPartings: an applet that compares byte by byte parts where the byte is wrong.
func TestPartings(t *testing.T) {
	s, places := suiteOf(t, "")
	named := tracedCases[0]
	one, err := s.Traces(t.Context(), named, "one", nil)
	require.NoError(t, err)
	again, err := s.Traces(t.Context(), named, "one", nil)
	require.NoError(t, err)
	partings, err := PartingsOf(places, one, again)
	require.NoError(t, err)
	assert.Empty(t, partings, "the same run")
	_, err = PartingsOf(places, one, again[1:])
	assert.ErrorContains(t, err, "one run has")
	again[0], again[1] = again[1], again[0]
	_, err = PartingsOf(places, one, again)
	assert.Error(t, err)
}
