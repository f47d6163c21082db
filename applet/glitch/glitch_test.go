package glitch

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona/emulator/card"
)

var (
	capFlag     = flag.String("glitch-cap", "", "CAP file to try, with its .lines beside it")
	sourceFlag  = flag.String("glitch-sources", "", "folder of its Java sources")
	caseFlag    = flag.String("glitch-case", "script active", "only cases with this in their name")
	sampleFlag  = flag.Int("glitch-sample", 3000, "how many faults to try, 0 for all")
	seedFlag    = flag.Uint64("glitch-seed", 1, "which of them")
	journalFlag = flag.String("glitch-journal", "", "file that keeps what was found, to go on from")
)

func sourcesIn(folder string) func(file string, line int) (string, error) {
	files := map[string][]string{}
	return func(file string, line int) (string, error) {
		if files[file] == nil {
			content, err := os.ReadFile(filepath.Join(folder, file))
			if err != nil {
				return "", err
			}
			files[file] = strings.Split(string(content), "\n")
		}
		if line < 1 || line > len(files[file]) {
			return "", fmt.Errorf("%s has no line %d", file, line)
		}
		return files[file][line-1], nil
	}
}

func plan(t *testing.T) Plan {
	t.Helper()
	path, sources := filepath.Join("..", "ekrona.cap"),
		filepath.Join("..", "src", "main", "java", "ekrona")
	if *capFlag != "" {
		path = *capFlag
		sources = filepath.Join(filepath.Dir(path), "src", "main", "java", "ekrona")
	}
	if *sourceFlag != "" {
		sources = *sourceFlag
	}
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	table, err := os.ReadFile(path + ".lines")
	require.NoError(t, err)
	places, err := NewPlaces(file, table, sourcesIn(sources))
	require.NoError(t, err)
	return Plan{CAP: file, Places: places, Profile: card.P71, Case: *caseFlag, Sample: *sampleFlag,
		Seed: *seedFlag, Journal: *journalFlag}
}

func TestGlitch(t *testing.T) {
	p := plan(t)
	began := time.Now()
	p.Show = func(done, total int, last string) {
		if done%20 == 0 || done == total {
			t.Logf("%d of %d cases, %.0f s: %s", done, total, time.Since(began).Seconds(), last)
		}
	}
	r, err := p.Run(t.Context())
	require.NoError(t, err)
	byLine := map[string][]Found{}
	weak := 0
	for _, f := range r.Found {
		if IsWeak(f.Kinds) {
			weak++
			continue
		}
		byLine[f.Place.String()] = append(byLine[f.Place.String()], f)
	}
	var places []string
	for place := range byLine {
		places = append(places, place)
	}
	sort.Strings(places)
	for _, place := range places {
		t.Logf("%s: %d gains", place, len(byLine[place]))
		seen := map[string]bool{}
		for _, f := range byLine[place] {
			key := fmt.Sprint(f.Model, f.Kinds)
			if seen[key] {
				continue
			}
			seen[key] = true
			t.Logf("    %v %s  %s  %s %v", f.Kinds, f.Fault, f.Mnemonic, f.Command, f.Details)
		}
	}
	for _, b := range r.Broken {
		t.Logf("broken: %s", b)
	}
	took := time.Since(began).Seconds()
	t.Logf("%d cases, %d commands, %d of %d faults tried, %d gains at %d lines, "+
		"%d garbled signatures, %d broken; %.0f faults/s", r.Cases, r.Commands, r.Faults,
		r.Possible, len(r.Found)-weak, len(places), weak, len(r.Broken),
		float64(r.Faults)/took)
	require.Empty(t, r.Broken)
	require.Positive(t, r.Faults)
}
