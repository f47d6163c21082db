package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/cmd/ekrona/internal/cli"
)

// Wrong command lines of what works on cards line by line end with exit code 2 and one short line,
// whatever else is wrong.
func TestUsageOfCardsAndTheLab(t *testing.T) {
	t.Chdir(t.TempDir())
	long := strings.Repeat("x", 50_000)
	lines := []string{
		"shell more", "shell --frobnicate", "shell --trace=loud", "shell --profile none",
		"shell --profile none.yaml", "shell --reader a --card b", "shell --capture out.txt",
		"shell --install 00", "shell --install F000000001,F000000001,0",
		"shell --install F000000001,,,", "shell --script=", "shell --keep-going=x",
		"card run more", "card run --script x", "card run --capture x",
		"card decode", "card decode a b", "card decode x --script --json",
		"card emulate more", "card emulate --port 0", "card emulate --port x",
		"card new", "card new a b", "card new x --profile none", "card new x --install 00",
		"shell " + long, "shell --" + long, "shell --profile " + long, "shell --install " + long,
		"card " + long, "card emulate --port " + long, long,
	}
	for _, word := range []string{"tear", "fuzz", "cover"} {
		lines = append(lines, "lab "+word, "lab "+word+" more", "lab "+word+" --cap a.cap",
			"lab "+word+" --script x", "lab "+word+" --cap a.cap --script x --profile none",
			"lab "+word+" --cap a.cap --install 00 --script x", "lab "+word+" --frobnicate",
			"lab "+word+" --cap a.cap --script x --install "+long)
	}
	lines = append(lines, "lab tear --cap a --script b --workers -1",
		"lab fuzz --cap a --script b --workers -1", "lab fuzz --cap a --script b --runs 0",
		"lab fuzz --cap a --script b --for 0s", "lab fuzz --cap a --script b --fuzz-seed -1")
	for _, line := range lines {
		root := program{}.command()
		root.SetArgs(strings.Fields(line))
		err := root.ExecuteContext(t.Context())
		if assert.Error(t, err, line[:min(len(line), 60)]) {
			assert.Equal(t, cli.ExitUsage, cli.Code(err), "%s: %v", line[:min(len(line), 60)], err)
			require.Less(t, len(rendered(t.Context(), err)), 600, line[:min(len(line), 60)])
		}
	}
	left, err := os.ReadDir(".")
	require.NoError(t, err)
	assert.Empty(t, left, "something is left behind")
}
