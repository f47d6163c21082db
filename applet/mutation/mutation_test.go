package mutation

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/applet"
	"ekrona.example/applet/campaign"
)

var (
	mutants = flag.String("mutants", "40",
		"how many mutants to try, all, or a regular expression of their names")
	seed = flag.Uint64("mutant-seed", 1, "which of them")

	journal    = flag.String("mutant-journal", "", "file that keeps verdicts, to go on from")
	reportFile = flag.String("mutant-report", "", "file for the report as JSON")
)

func list(t *testing.T) *Listing {
	t.Helper()
	table, err := os.ReadFile(filepath.Join("..", "ekrona.cap.lines"))
	require.NoError(t, err)
	files := map[string][]string{}
	l, err := List(applet.CAP, table, func(file string, line int) (string, error) {
		if files[file] == nil {
			content, err := os.ReadFile(filepath.Join("..", "src", "main", "java", "ekrona", file))
			if err != nil {
				return "", err
			}
			files[file] = strings.Split(string(content), "\n")
		}
		if line < 1 || line > len(files[file]) {
			return "", fmt.Errorf("%s has no line %d", file, line)
		}
		return strings.TrimSpace(files[file][line-1]), nil
	})
	require.NoError(t, err)
	return l
}

func readList(t *testing.T, name string) campaign.Reasons {
	t.Helper()
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	written, err := campaign.ParseReasons(string(content))
	require.NoError(t, err, name)
	return written
}

// reach is found once for all tests.
var reach = sync.OnceValues(func() (*Reach, error) { return found.FindReach(context.Background()) })
var found *Listing

func reached(t *testing.T) (*Listing, *Reach) {
	t.Helper()
	if found == nil {
		found = list(t)
	}
	r, err := reach()
	require.NoError(t, err)
	return found, r
}

// rare begins the reason of an instruction that few keys reach.
const rare = "rare: "

// TestCoverage: the suite reaches every instruction of the CAP file but those in
// the list.
func TestCoverage(t *testing.T) {
	l, r := reached(t)
	unreached := l.Unreached(r)
	written := readList(t, "unreached.txt")
	for _, i := range unreached {
		if _, known := written[i.key()]; !known {
			t.Errorf("no case reaches %s; in the list it would be\n%s", i, i.key())
		}
	}
	for key, why := range written {
		if strings.HasPrefix(why, rare) {
			continue
		}
		if !slices.ContainsFunc(unreached, func(i Instruction) bool { return i.key() == key }) {
			t.Errorf("unreached.txt names what is reached, or not there: %s", key)
		}
	}
	t.Logf("%d of %d instructions reached", len(l.Instructions)-len(unreached), len(l.Instructions))
}

// TestMutants: the suite kills every mutant but those in the list.
func TestMutants(t *testing.T) {
	l, r := reached(t)
	all := l.Mutants()
	require.Empty(t, l.notDropped(all), "calls that have too many arguments to be dropped in place")
	written := readList(t, "survivors.txt")
	for key := range written {
		assert.True(t, slices.ContainsFunc(all, func(m Mutant) bool { return m.key() == key }),
			"survivors.txt names no mutant: %s", key)
	}
	c := l.Campaign(r, sample(t, all, written), written)
	c.Journal = *journal
	c.Progress = func(p campaign.Progress) {
		if p.Done%50 == 0 {
			t.Logf("%d of %d mutants tried", p.Done, p.Total)
		}
	}
	report, err := c.Run(t.Context())
	require.NoError(t, err)
	assert.NoError(t, report.Err())
	if *reportFile != "" {
		var b bytes.Buffer
		require.NoError(t, report.JSON(&b))
		require.NoError(t, os.WriteFile(*reportFile, b.Bytes(), 0o600))
	}
	killed := report.Count(campaign.Held) + report.Count(campaign.Stale)
	t.Logf("%d of %d mutants killed (there are %d), %d cases carried out",
		killed, len(report.Outcomes), len(all), report.Tried())
}

// sample picks the mutants to try: all, or some of those that must be killed.
func sample(t *testing.T, all []Mutant, survivors campaign.Reasons) []Mutant {
	t.Helper()
	if *mutants == "all" {
		return all
	}
	n, err := strconv.Atoi(*mutants)
	if err != nil {
		names := regexp.MustCompile(*mutants)
		return slices.DeleteFunc(all, func(m Mutant) bool { return !names.MatchString(m.key()) })
	}
	picked := slices.DeleteFunc(slices.Clone(all),
		func(m Mutant) bool { return survivors[m.key()] != "" })
	random := rand.New(rand.NewPCG(*seed, 0))
	random.Shuffle(len(picked), func(i, j int) { picked[i], picked[j] = picked[j], picked[i] })
	return picked[:min(n, len(picked))]
}
