package auditlog

import (
	"bytes"
	"crypto/ecdsa"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/personalization/pki/keys"
)

func key(t require.TestingT, seed byte) *ecdsa.PrivateKey {
	k, err := keys.Generate(rand.NewChaCha8([32]byte{seed}))
	require.NoError(t, err)
	return k
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 123_456_789, time.UTC)

// written is a log of n lines.
func written(t require.TestingT, k *ecdsa.PrivateKey, n int) ([]string, Head) {
	var lines []string
	head := Head{}
	for i := range n {
		line, next, err := Next(head, noon.Add(time.Duration(i)*time.Second), "reserved",
			map[string]string{"device": fmt.Sprint(i), "name": "Åsa <&>"}, k)
		require.NoError(t, err)
		lines, head = append(lines, line), next
	}
	return lines, head
}

func text(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

func TestLogIsReadBack(t *testing.T) {
	k := key(t, 1)
	lines, head := written(t, k, 5)
	var entries []Entry
	got, err := Verify(strings.NewReader(text(lines)), &k.PublicKey, head, func(e Entry) error {
		entries = append(entries, e)
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, head, got)
	require.Len(t, entries, 5)
	assert.Equal(t, Entry{3, noon.Add(2 * time.Second).Truncate(time.Millisecond), "reserved",
		map[string]string{"device": "2", "name": "Åsa <&>"}, entries[2].Previous}, entries[2])

	parsed, err := ParseHead(head.String())
	require.NoError(t, err)
	assert.Equal(t, head, parsed)
	for _, wrong := range []string{"", "5", "5:", "5:00", "x:" + strings.Repeat("0", 64),
		"05:" + strings.Repeat("0", 64), head.String() + "0"} {
		_, err := ParseHead(wrong)
		assert.Error(t, err, wrong)
	}
}

// Whatever is done to the lines of a log, it is found; its head reports that it is
// shorter.
func TestEveryChangeIsFound(t *testing.T) {
	k, other := key(t, 1), key(t, 2)
	lines, head := written(t, k, 6)
	forged, _ := written(t, other, 6)
	again, _ := written(t, k, 2)
	rapid.Check(t, func(t *rapid.T) {
		changed := slices.Clone(lines)
		i, j := rapid.IntRange(0, 5).Draw(t, "line"), rapid.IntRange(0, 5).Draw(t, "other line")
		switch rapid.SampledFrom([]string{"byte", "drop", "swap", "repeat", "forge", "shorten",
			"end in a line"}).Draw(t, "change") {
		case "byte":
			b := []byte(changed[i])
			at := rapid.IntRange(0, len(b)-1).Draw(t, "byte")
			b[at] ^= byte(rapid.IntRange(1, 127).Draw(t, "flip"))
			changed[i] = string(b)
		case "drop":
			changed = slices.Delete(changed, i, i+1)
		case "swap":
			if i == j {
				t.Skip()
			}
			changed[i], changed[j] = changed[j], changed[i]
		case "repeat":
			changed = slices.Insert(changed, i, changed[j])
		case "forge":
			changed[i] = forged[i]
		case "shorten":
			changed = changed[:i]
		case "end in a line":
			_, err := Verify(strings.NewReader(strings.TrimSuffix(text(changed), "\n")),
				&k.PublicKey, Head{}, nil)
			require.ErrorIs(t, err, ErrTorn)
			return
		}
		_, err := Verify(strings.NewReader(text(changed)), &k.PublicKey, head, nil)
		var fault *Fault
		require.ErrorAs(t, err, &fault)
		require.LessOrEqual(t, fault.Line, 7)
	})

	// The same key's other log is none of this one.
	later, _, err := Next(Head{Number: 2}, noon, "active", nil, k)
	require.NoError(t, err)
	_, err = Verify(strings.NewReader(text(append(again, later))), &k.PublicKey, Head{}, nil)
	assert.ErrorContains(t, err, "does not follow")
	_, err = Verify(strings.NewReader(text(lines[:4])), &k.PublicKey, head, nil)
	assert.ErrorContains(t, err, "its end was cut off")
	rewritten, _ := written(t, k, 5)
	_, err = Verify(strings.NewReader(text(rewritten)), &k.PublicKey, Head{5, [32]byte{1}}, nil)
	assert.ErrorContains(t, err, "written anew")
}

// A writer that dies within a line leaves a file that is mended, wherever it died.
func TestTornLineIsMended(t *testing.T) {
	k := key(t, 1)
	lines, _ := written(t, k, 3)
	whole := text(lines)
	path := filepath.Join(t.TempDir(), "audit.log")
	head, torn, err := Mend(path)
	require.NoError(t, err)
	assert.Zero(t, head)
	assert.Nil(t, torn)
	for cut := range len(whole) + 1 {
		require.NoError(t, os.WriteFile(path, []byte(whole[:cut]), 0o600))
		head, torn, err := Mend(path)
		require.NoError(t, err)
		require.Equal(t, strings.Count(whole[:cut], "\n"), head.Number)
		lost := 0
		if torn != nil {
			lost = torn.Bytes
		}
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, cut, len(content)+lost)

		line, next, err := Next(head, noon, "mended", nil, k)
		require.NoError(t, err)
		require.NoError(t, Append(path, line))
		content, err = os.ReadFile(path)
		require.NoError(t, err)
		got, err := Verify(bytes.NewReader(content), &k.PublicKey, next, nil)
		require.NoError(t, err)
		require.Equal(t, next, got)
	}
}

func FuzzVerify(f *testing.F) {
	k := key(f, 1)
	lines, _ := written(f, k, 2)
	f.Add(text(lines))
	f.Add(text(lines[:1]))
	f.Add("{} x\n")
	f.Fuzz(func(t *testing.T, log string) {
		var again []string
		head, err := Verify(strings.NewReader(log), &k.PublicKey, Head{}, func(e Entry) error {
			again = append(again, e.Event)
			return nil
		})
		if err == nil {
			require.Equal(t, strings.Count(log, "\n"), head.Number)
			require.Len(t, again, head.Number)
		}
	})
}
