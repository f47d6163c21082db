package vocabulary

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/script"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/trace"
)

// Fields are written by name and value, and come out as the spec lays them out.
func TestScriptFields(t *testing.T) {
	words := Script()
	require.NoError(t, words.Check())
	for line, hex := range map[string]string{
		"REQUEST amount=45 currency=SEK": "801000000B8104000011945F2A02075200",
		"REQUEST currency=SEK amount=45.00 payer=SENORDIC00000002": "801000001D81040000119" +
			"45F2A0207525A1053454E4F52444943303030303030303200",
		"request amount=0x00000001":     "8010000006810400000001",
		"SELECT aid=F0454B524F4E4101":   "00A4040008F0454B524F4E410100",
		"SELECT FILE id=3F00":           "00A4000C023F00",
		"READ BINARY offset=258":        "00B0010200",
		"READ BINARY sfi=1 length=4":    "00B0810004",
		"READ RECORD sfi=1 record=2":    "00B2020C00",
		"GET STATUS of=files":           "80F22002024F0000",
		"GET STATUS aid=":               "80F24002024F0000",
		"DELETE aid=F000000001":         "80E40000074F05F00000000100",
		"GET MANAGER DATA tag=9F7F":     "80CA9F7F00",
		"GET PROCESSING OPTIONS pdol":   "",
		"GET DATA tag=123456":           "",
		"REQUEST amount=1.234":          "",
		"REQUEST amount=99999999999":    "",
		"REQUEST currency=EUR":          "",
		"READ BINARY offset=40000":      "",
		"READ BINARY offset=1 offset=2": "",
		"READ BINARY colour=1":          "",
		"SELECT occurrence=none":        "",
	} {
		step, err := words.Parse(line)
		if hex == "" {
			assert.Error(t, err, line)
			continue
		}
		if assert.NoError(t, err, line) {
			got := step.Command.String()
			if !step.Command.Extended { // what the applet answers may be long
				assert.True(t, strings.HasPrefix(got, hex), "%s: %s", line, got)
			}
			again, err := words.Parse(words.Text(step))
			require.NoError(t, err)
			assert.Equal(t, step, again)
		}
	}
}

// What a script calls a command is what the trace calls it, for those of the standards too.
func TestScriptAndTraceUseTheSameNames(t *testing.T) {
	other := map[string]string{ // where one name of the standards is not enough in a script
		"SELECT FILE": "SELECT", "GET MANAGER DATA": "GET DATA", "GET PAYMENT DATA": "GET DATA",
	}
	for _, c := range Script().Commands[len(spec.Vocabulary().Commands):] {
		want := c.Title
		if other[want] != "" {
			want = other[want]
		}
		assert.Equal(t, want, trace.New().Command(c.Command).Name, c.Title)
	}
}

// FuzzScript: what parses with all names and fields prints in a form that parses to the same.
func FuzzScript(f *testing.F) {
	for _, line := range []string{
		"GET STATUS of=files -> 9000 | 6310", "READ BINARY sfi=3 length=9",
		"REQUEST amount=45 currency=SEK", "80F2400200", "SELECT aid=A000 occurrence=next"} {
		f.Add(line)
	}
	words := Script()
	f.Fuzz(func(t *testing.T, line string) {
		step, err := words.Parse(line)
		if err != nil {
			require.ErrorIs(t, err, script.ErrSyntax)
			return
		}
		again, err := words.Parse(words.Text(step))
		require.NoError(t, err)
		require.Equal(t, step, again)
	})
}
