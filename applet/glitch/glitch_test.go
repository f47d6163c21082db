package glitch

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/applet"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/fault"
	"ekrona.example/emulator/lines"
)

var (
	capFlag    = flag.String("glitch-cap", "", "CAP file to try, with its .lines beside it")
	sourceFlag = flag.String("glitch-sources", "", "folder of its Java sources")
	caseFlag   = flag.String("glitch-case", "PAY at a terminal debits once and is a record",
		"only cases with this in their name")
	sampleFlag  = flag.Int("glitch-sample", 3000, "how many faults to try, 0 for all")
	seedFlag    = flag.Uint64("glitch-seed", 1, "which of them")
	pairsFlag   = flag.Int("glitch-pairs", 500, "how many pairs of faults to try")
	modelsFlag  = flag.String("glitch-models", "", "models of faults, all for every one")
	journalFlag = flag.String("glitch-journal", "", "file that keeps what was found, to go on from")
	listFlag    = flag.String("glitch-list", "", "write the list of what was found to this file")
	reasonFlag  = flag.String("glitch-reason", "not looked at yet", "for what is new in the list")
)

// suiteOf is the suite's cases with that in their names, on the CAP file that is asked for.
func suiteOf(t *testing.T, named string) (*Suite, *Places) {
	t.Helper()
	file, text, source := applet.CAP, applet.Lines, applet.Source
	if *capFlag != "" {
		folder := *sourceFlag
		if folder == "" {
			folder = filepath.Join(filepath.Dir(*capFlag), "src", "main", "java", "ekrona")
		}
		var err error
		file, err = os.ReadFile(*capFlag)
		require.NoError(t, err)
		text, err = os.ReadFile(*capFlag + ".lines")
		require.NoError(t, err)
		source = func(file string) ([]string, error) {
			content, err := os.ReadFile(filepath.Join(folder, file))
			return strings.Split(string(content), "\n"), err
		}
	}
	table, err := lines.Parse(text)
	require.NoError(t, err)
	parsed, err := cap.Parse(file)
	require.NoError(t, err)
	require.True(t, table.Fits(parsed), "the table of source lines is that of another CAP file")
	places := NewPlaces(func(path string) ([]string, error) {
		return source(filepath.Base(path))
	}, table)
	s, err := NewSuite(file, card.P71, named)
	require.NoError(t, err)
	return s, places
}

func askedModels(t *testing.T) (models []fault.Model) {
	t.Helper()
	for name := range strings.FieldsFuncSeq(*modelsFlag, func(r rune) bool { return r == ',' }) {
		if name == "all" {
			return fault.AllModels()
		}
		m, err := fault.ModelNamed(name)
		require.NoError(t, err)
		models = append(models, m)
	}
	return models
}

// TestGlitch: what faults gain is in remaining.txt with a reason, and nothing else is there.
func TestGlitch(t *testing.T) {
	s, places := suiteOf(t, *caseFlag)
	began := time.Now()
	p := Plan{Subject: s, Places: places, Sample: *sampleFlag, Seed: *seedFlag, Pairs: *pairsFlag,
		Journal: *journalFlag, Models: askedModels(t)}
	p.Show = func(done, total int, r *Result) {
		if done%20 == 0 || done == total {
			t.Logf("%d of %d cases, %.0f s: %d faults, %d pairs, %d gain something", done, total,
				time.Since(began).Seconds(), r.Faults, r.Pairs, len(r.Found))
		}
	}
	r, err := p.Run(t.Context())
	require.NoError(t, err)
	reasons, err := Remaining()
	require.NoError(t, err)
	report := NewReport(r, reasons, *caseFlag == "")
	var text strings.Builder
	require.NoError(t, report.Text(&text))
	t.Log("\n" + text.String())
	t.Logf("%d of %d faults, %d pairs, %.0f a second", r.Faults, r.Possible, r.Pairs,
		float64(r.Faults+r.Pairs)/time.Since(began).Seconds())
	if *listFlag != "" {
		list := report.List(reasons, *reasonFlag)
		require.NoError(t, os.WriteFile(*listFlag, []byte(list), 0o600))
	}
	assert.Positive(t, r.Faults)
	assert.NoError(t, report.Err())
}
