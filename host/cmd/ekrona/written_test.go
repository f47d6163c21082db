package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/cmd/ekrona/internal/cli"
)

// No file that a line names is destroyed by what the line has written.
func TestNoFileOfTheLineIsWrittenOver(t *testing.T) {
	const example = "../../../emulator/examples/hello/"
	folder := t.TempDir()
	in := func(name string) string { return filepath.Join(folder, name) }
	for from, to := range map[string]string{"hello.cap": "hello.cap", "hello.txt": "a.txt",
		"hello.cap.lines": "hello.cap.lines"} {
		content, err := os.ReadFile(example + from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(in(to), content, 0o600))
	}
	require.NoError(t, os.Symlink(in("a.txt"), in("link.txt")))
	require.Equal(t, 0, program{}.run([]string{"card", "new", in("a.card")}))
	contents := func() map[string]string {
		all := map[string]string{}
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		for _, e := range entries {
			content, err := os.ReadFile(in(e.Name()))
			require.NoError(t, err)
			all[e.Name()] = string(content)
		}
		return all
	}
	before := contents()
	cover := "lab cover --cap " + in("hello.cap") + " --script " + in("a.txt")
	for _, line := range []string{
		"shell --script " + in("a.txt") + " --card " + in("a.card") + " --transcript " +
			in("a.card"),
		"shell --script " + in("a.txt") + " --card " + in("a.card") + " --transcript " +
			in("a.card.lock"),
		"shell --script " + in("a.txt") + " --transcript " + in("a.txt"),
		"shell --script " + in("a.txt") + " --transcript " + in("link.txt"),
		"shell --script " + in("a.txt") + " --transcript " + in("x.jsonl") + " --capture " +
			folder + "/./x.jsonl",
		"card emulate --state " + in("a.card") + " --transcript " + in("a.card"),
		"card balance --card " + in("a.card") + " --transcript " + in("a.card"),
		cover + " --html " + in("a.txt"),
		cover + " --html " + in("hello.cap.lines"),
		cover + " --lcov " + in("x") + " --folded " + in("x"),
		"lab attack --html " + in("a.txt") + " --profile " + in("a.txt"),
		"lab conform --html " + in("a.card") + " --card " + in("a.card"),
	} {
		assert.Equal(t, cli.ExitUsage, program{}.run(strings.Fields(line)), line)
		assert.Equal(t, before, contents(), line)
	}
}

// Nor is one destroyed by what a word of the shell writes.
func TestNoFileInUseIsWrittenOverByAWord(t *testing.T) {
	folder := t.TempDir()
	in := func(name string) string { return filepath.Join(folder, name) }
	content, err := os.ReadFile("../../../emulator/examples/hello/hello.cap")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(in("hello.cap"), content, 0o600))
	require.Equal(t, 0, program{}.run([]string{"card", "new", in("a.card")}))
	require.NoError(t, os.WriteFile(in("a.txt"), nil, 0o600))
	for _, name := range []string{"a.card", "a.card.lock", "hello.cap", "a.txt", "a.jsonl"} {
		script := "load " + in("hello.cap") + "\ninstall F048454C4C4F01\n" +
			"coverage on\nprofile on\n" +
			"select F048454C4C4F01 -> 9000\ncoverage lcov " + in(name) + " -> error: *\n" +
			"profile folded " + in(name) + " -> error: *\n" +
			"coverage html " + in("page.html") + " -> ok\n" +
			"delete F048454C4C4F01\ndelete F048454C4C4F\n"
		require.NoError(t, os.WriteFile(in("a.txt"), []byte(script), 0o600))
		assert.Equal(t, 0, program{}.run([]string{"shell", "--card", in("a.card"), "--script",
			in("a.txt"), "--capture", in("a.jsonl")}), name)
		after, err := os.ReadFile(in("hello.cap"))
		require.NoError(t, err)
		assert.Equal(t, content, after)
	}
}

// A card that a link leads to is changed where it is, and is one card under both names.
func TestCardBehindALink(t *testing.T) {
	folder := t.TempDir()
	file, link := filepath.Join(folder, "a.card"), filepath.Join(folder, "link.card")
	require.Equal(t, 0, program{}.run([]string{"card", "new", file,
		"--cap", "../../../emulator/examples/hello/hello.cap"}))
	require.NoError(t, os.Symlink("a.card", link))
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	opened, err := cli.OpenVirtual(link, false)
	require.NoError(t, err)
	_, err = cli.OpenVirtual(file, false)
	require.ErrorContains(t, err, "another program has it open")
	require.NoError(t, opened.Close())
	script := filepath.Join(folder, "a.txt")
	require.NoError(t, os.WriteFile(script,
		[]byte("select F048454C4C4F01\n8004000003416461 -> 9000\n"), 0o600))
	require.Equal(t, 0, program{}.run([]string{"shell", "--card", link, "--script", script}))
	info, err := os.Lstat(link)
	require.NoError(t, err)
	assert.Equal(t, os.ModeSymlink, info.Mode().Type())
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.NotEqual(t, before, after)
}

// The profiles that examples name are there.
func TestProfilesOfExamples(t *testing.T) {
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		for _, m := range regexp.MustCompile(`--profile (\S+)`).FindAllStringSubmatch(
			c.Example, -1) {
			if filepath.Ext(m[1]) == "" {
				_, err := cli.ProfileOf(m[1])
				assert.NoError(t, err, c.CommandPath())
			}
		}
		for _, below := range c.Commands() {
			look(below)
		}
	}
	look(program{}.command())
}

// Every flag that names a file for writing is marked, so that a file of the line is not written
// over, and that a name that cannot be written is refused before the work.
func TestEveryOutputIsMarked(t *testing.T) {
	writes := regexp.MustCompile(`^file (to write|for |into which)|` +
		`\b(to|into|in) this file\b|as a page|^write a page`)
	reads := []string{"--password-file", "--to"}
	found := 0
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Value.Type() != "string" || !writes.MatchString(f.Usage) ||
				slices.Contains(reads, f.Name) {
				return
			}
			found++
			assert.True(t, cli.IsOutput(f), "%s --%s: %s", c.CommandPath(), f.Name, f.Usage)
		})
		for _, below := range c.Commands() {
			look(below)
		}
	}
	look(program{}.command())
	assert.Greater(t, found, 30)
}

// A link is followed by everything that is written: it stays, and its file has the content.
func TestOutputsBehindALink(t *testing.T) {
	const example = "../../../emulator/examples/hello/"
	folder := t.TempDir()
	in := func(name string) string { return filepath.Join(folder, name) }
	run := " --cap " + example + "hello.cap --script " + example + "hello.txt "
	for i, line := range []string{"shell" + run + "--transcript", "shell" + run + "--capture",
		"lab cover" + run + "--html", "lab cover" + run + "--lcov", "lab cover" + run + "--flame",
		"lab conform --cap " + example + "hello.cap --html"} {
		for _, there := range []bool{true, false} {
			name := fmt.Sprintf("%d-%v.jsonl", i, there)
			require.NoError(t, os.Symlink("to-"+name, in(name)))
			if there {
				require.NoError(t, os.WriteFile(in("to-"+name), []byte("old"), 0o600))
			}
			_ = program{}.run(append(strings.Fields(line), in(name)))
			info, err := os.Lstat(in(name))
			require.NoError(t, err)
			assert.Equal(t, os.ModeSymlink, info.Mode().Type(), line)
			content, err := os.ReadFile(in("to-" + name))
			require.NoError(t, err, line)
			assert.NotEqual(t, "old", string(content), line)
		}
	}
}
