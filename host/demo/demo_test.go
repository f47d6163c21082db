package demo

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
	"ekrona.example/host/clock"
	"ekrona.example/host/party"
	"ekrona.example/host/sandbox"
)

// played is the demo's output of a seed.
func played(t *testing.T, seed string) string {
	t.Helper()
	var out strings.Builder
	day := clock.Fixed(time.Date(2026, time.January, 15, 12, 0, 0, 0, time.UTC))
	books, err := Run(t.Context(), t.TempDir(), &out, Options{Plan: sandbox.Pilot(),
		Sandbox: sandbox.Options{Environment: party.Environment{Random: card.SeededRandom(seed),
			Clock: day}}})
	require.NoError(t, err)
	require.Empty(t, books.Violations)
	return out.String()
}

var (
	saleNumber = regexp.MustCompile(`number \d+\.`) // drawn at a terminal's founding
	estimate   = regexp.MustCompile(`^ +\(.* on a P71 over .*\)$`)
	figure     = regexp.MustCompile(`\d+`)
)

// stable returns the lines of a text without what differs from run to run, and the figures of its
// estimates, in milliseconds.
func stable(text string) (lines []string, figures [][]int) {
	for line := range strings.Lines(text) {
		line = saleNumber.ReplaceAllString(strings.TrimRight(line, "\n"), "number N.")
		var found []int
		if estimate.MatchString(line) {
			for _, f := range figure.FindAllString(line, -1) {
				n, err := strconv.Atoi(f)
				if err != nil {
					panic(err) // the expression finds digits only
				}
				found = append(found, n)
			}
			line = figure.ReplaceAllString(line, "N")
		}
		lines, figures = append(lines, line), append(figures, found)
	}
	return lines, figures
}

// wavers is how many milliseconds an estimate differs between runs: a card draws its keys.
const wavers = 2

// TestTheREADMEShowsTheDemo: each part of its excerpt is in the demo's output, in that order; the
// estimates are the same but for what the drawn keys change.
func TestTheREADMEShowsTheDemo(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	_, excerpt, found := strings.Cut(string(readme), "```\nPairing")
	require.True(t, found)
	excerpt, _, found = strings.Cut("Pairing"+excerpt, "```\n")
	require.True(t, found)

	want, wantFigures := stable(excerpt)
	got, gotFigures := stable(played(t, "README"))
	at, isGap := 0, true
	for n, line := range want {
		if line == "..." {
			isGap = true
			continue
		}
		for isGap && at < len(got) && got[at] != line {
			at++
		}
		require.Less(t, at, len(got), "no line of the demo from here on is: %s", line)
		require.Equal(t, line, got[at])
		require.Len(t, gotFigures[at], len(wantFigures[n]))
		for f, ms := range wantFigures[n] {
			require.InDelta(t, ms, gotFigures[at][f], wavers, "%s: write figure %d anew", line, f+1)
		}
		at, isGap = at+1, false
	}
}
