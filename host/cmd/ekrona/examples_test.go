package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const examples = "../../../emulator/examples"

// run runs a program in a folder, as its users do, and returns what it says.
func run(t *testing.T, folder, program string, arguments ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), program, arguments...)
	c.Dir = folder
	c.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s %q: %s", program, arguments, out)
	return string(out)
}

// What the page of the example applet has its readers do, up to the first change of their own.
func TestTheExampleApplet(t *testing.T) {
	hello := filepath.Join(examples, "hello")
	for _, name := range []string{"hello.cap", "hello.txt"} { // so that go test sees a change of it
		_, err := os.ReadFile(filepath.Join(hello, name))
		require.NoError(t, err)
	}
	script := []string{"--cap", "hello.cap", "--script", "hello.txt"}
	with := func(words ...string) []string { return append(words, script...) }
	run(t, hello, "ekrona", with("shell")...)
	assert.Contains(t, run(t, hello, "ekrona", with("lab", "tear")...), "0 findings")
	assert.Contains(t, run(t, hello, "ekrona", with("lab", "cover")...), "Hello.greet")
	assert.Contains(t, run(t, hello, "ekrona", with("card", "cost")...), "persistent writes")
}

// The Python client is tested by its own tests, on the program.
func TestThePythonClient(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("EKRONA_REQUIRE_PYTHON") != "" {
			t.Fatal(err)
		}
		t.Skip("python3 is not installed: scripts/set-up brings it")
	}
	folder := filepath.Join(examples, "python")
	for _, name := range []string{"ekrona.py", "test_hello.py"} {
		_, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
	}
	assert.Contains(t, run(t, folder, python, "-m", "unittest"), "\nOK\n")
}
