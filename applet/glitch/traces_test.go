package glitch

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
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
// and PUK in clear and enciphered, right and wrong, the first PIN under the token, PAIR, MUTUAL
// AUTHENTICATE, secure messaging, and both enciphered forms of PAY.
var tracedCases = []string{
	"the first PIN is the last that was stored before activation",
	"wrong PINs block the PIN, power cuts or not",
	"wrong PUKs block the PUK, and an Instruction gives all tries again",
	"blocked and closed cards take the PIN",
	"VERIFY enciphered: right and wrong",
	"CHANGE REFERENCE DATA enciphered: right and wrong",
	"RESET RETRY COUNTER enciphered: right and wrong",
	"PAIR asks for the PIN, takes its try, and leaves it not verified",
	"a new PIN ends the pair",
	"a card that was never paired answers as one that is paired with another",
	"before activation there is no pair",
	"a paired phone reads and receives without the PIN",
	"PAY own phone: one command pays, with the PIN in it",
	"PAY own phone: a wrong PIN takes its try",
	"PAY batch: one command pays, with the PIN in it",
	"PAY batch: a wrong PIN takes its try",
}

// rare begins the reason of a parting that few worlds have.
const rare = "rare: "

var traceSeedsFlag = flag.Int("trace-seeds", 2, "how many worlds to compare for each traced case")

// TestTracesTellNothing: a command that has to do with a secret executes the same bytecodes for
// every secret: keys and random numbers of many seeds, and PINs of every length. Where it does not
// is written down with the reason, and when it does again, the line must go.
func TestTracesTellNothing(t *testing.T) {
	s, places := suiteOf(t, "")
	content, err := os.ReadFile("partings.txt")
	require.NoError(t, err)
	known, err := campaign.ParseReasons(string(content))
	require.NoError(t, err)
	found := map[string]bool{}
	compared := map[byte]int{}
	for _, named := range tracedCases {
		random := rand.New(rand.NewPCG(1, 2))
		first, err := s.Traces(t.Context(), named, Secrets{Seed: "one"})
		require.NoError(t, err, named)
		runs := []Secrets{{Seed: "one", Digits: otherDigits}}
		for n := range *traceSeedsFlag {
			runs = append(runs, Secrets{Seed: fmt.Sprint("another ", n)})
		}
		for length := spec.PINMinDigits; length <= spec.PINMaxDigits; length++ {
			runs = append(runs, Secrets{Seed: "one", Digits: digits(random, length)})
		}
		for _, run := range runs {
			executed, err := s.Traces(t.Context(), named, run)
			require.NoError(t, err, named)
			partings, err := PartingsOf(places, first, executed)
			require.NoError(t, err, named)
			for _, x := range executed {
				compared[x.Command.INS]++
			}
			for _, at := range partings {
				if !secretive(at.Command) {
					continue
				}
				key := at.Place.Method + campaign.Separator + at.Place.Text
				if found[key] {
					continue
				}
				found[key] = true
				assert.NotEmpty(t, known[key], "%s, command %d, %02X%02X, parts from seed one at "+
					"%s; in partings.txt it would be\n%s%s", named, at.Exchange, at.Command.CLA,
					at.Command.INS, at.Place, key, campaign.Separator)
			}
		}
	}
	for key, why := range known {
		if !strings.HasPrefix(why, rare) {
			assert.True(t, found[key], "partings.txt names where runs part no longer: %s", key)
		}
	}
	for _, c := range []*spec.Command{spec.Verify, spec.ChangeReferenceData,
		spec.ResetRetryCounter, spec.Pair, spec.MutualAuthenticate, spec.GenerateKeyPair,
		spec.PutData, spec.Pay} {
		assert.Positive(t, compared[c.INS], c.Name)
	}
}

// digits are random ones: as many as a PIN of that length has, or a PUK, and never the same as the
// usual ones of another kind.
func digits(random *rand.Rand, length int) func(string) string {
	given := map[string]string{}
	taken := map[string]bool{}
	return func(usual string) string {
		for given[usual] == "" {
			n := length
			if len(usual) == spec.PUKDigits {
				n = spec.PUKDigits
			}
			var b strings.Builder
			for range n {
				fmt.Fprint(&b, random.IntN(10))
			}
			if !taken[b.String()] {
				taken[b.String()] = true
				given[usual] = b.String()
			}
		}
		return given[usual]
	}
}

// macLength is how many bytes of a MAC are sent, the last of the data.
const macLength = 8

// TestWrongMACs: wherever a MAC is wrong, the card executes the same and gives the same answer.
func TestWrongMACs(t *testing.T) {
	s, places := suiteOf(t, "")
	for _, c := range []struct {
		named     string
		isSecured bool
		ins       byte // of the command whose MAC is altered, the first that is carried out
	}{
		{"VERIFY enciphered: right and wrong", false, spec.Verify.INS},
		{"CHANGE REFERENCE DATA enciphered: right and wrong", false, spec.ChangeReferenceData.INS},
		{"RESET RETRY COUNTER enciphered: right and wrong", false, spec.ResetRetryCounter.INS},
		{"a new PIN ends the pair", false, spec.Pair.INS},
		{"a paired phone reads and receives without the PIN", false, spec.MutualAuthenticate.INS},
		{"a paired phone reads and receives without the PIN", true, spec.GetData.INS},
		{"a paired phone reads and receives without the PIN", true, spec.Accept.INS},
		{"PAY own phone: one command pays, with the PIN in it", false, spec.Pay.INS},
		{"PAY batch: one command pays, with the PIN in it", false, spec.Pay.INS},
	} {
		whole, err := s.Traces(t.Context(), c.named, Secrets{Seed: "one"})
		require.NoError(t, err, c.named)
		n := slices.IndexFunc(whole, func(x Executed) bool {
			isSecured := x.Command.CLA&spec.ClassSecured == spec.ClassSecured
			return x.Command.INS == c.ins && isSecured == c.isSecured &&
				len(x.Command.Data) > macLength && x.Answer.SW == apdu.OK
		})
		require.GreaterOrEqual(t, n, 0, "%s: %02X", c.named, c.ins)
		var first *Executed
		for at := range macLength {
			altered, _ := s.Traces(t.Context(), c.named, Secrets{Seed: "one",
				Alter: func(x *Executed) {
					if x.Exchange == n+1 {
						data := slices.Clone(x.Command.Data)
						data[len(data)-1-at] ^= 1
						x.Command.Data = data
					}
				}}) // the case fails, as it must
			require.Greater(t, len(altered), n)
			if first == nil {
				first = &altered[n]
				assert.NotEqual(t, whole[n].Answer, first.Answer, "%s, command %d", c.named, n+1)
				continue
			}
			partings, err := PartingsOf(places, []Executed{*first}, altered[n:n+1])
			require.NoError(t, err)
			assert.Empty(t, partings, "%s, command %d, byte %d from the end", c.named, n+1, at)
			assert.Equal(t, first.Answer, altered[n].Answer, "%s, command %d", c.named, n+1)
		}
	}
}

// otherDigits are as many as the usual ones, and each is another.
func otherDigits(usual string) string {
	return strings.Map(func(d rune) rune { return '0' + ('9'-d+7)%10 }, usual)
}

// TestPartings: an applet that compares byte by byte parts where the byte is wrong.
func TestPartings(t *testing.T) {
	s, places := suiteOf(t, "")
	named := "wrong PINs block the PIN, power cuts or not"
	one, err := s.Traces(t.Context(), named, Secrets{Seed: "one"})
	require.NoError(t, err)
	again, err := s.Traces(t.Context(), named, Secrets{Seed: "one"})
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
