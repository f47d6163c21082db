package simulator

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	"ekrona.example/emulator/cap"
)

// Bytecodes of the changes (JCVM 3.0.5 §7.5).
const (
	opGoto         = 0x70
	opSspush       = 0x11
	opInvokestatic = 0x8D

	sizeOfInvocation = 3
)

// edit changes the instructions of a CAP file.
type edit func(t *testing.T, code []byte)

// withoutRefusal removes the n-th refusal, from 0, with the status word: the check is made, and its
// outcome ignored.
func withoutRefusal(sw apdu.StatusWord, n int) edit {
	return func(t *testing.T, code []byte) {
		pattern := binary.BigEndian.AppendUint16([]byte{opSspush}, uint16(sw))
		for at := 0; at+6 <= len(code); at++ {
			if !bytes.Equal(code[at:at+3], pattern) || code[at+3] != opInvokestatic {
				continue
			}
			if n == 0 {
				code[at], code[at+1] = opGoto, 3+sizeOfInvocation
				return
			}
			n--
		}
		t.Fatalf("no such place refuses with %s", spec.StatusName(sw))
	}
}

// changed returns the applet's CAP file with an edit.
func changed(t *testing.T, do edit) []byte {
	t.Helper()
	f, err := cap.Parse(applet.CAP)
	require.NoError(t, err)
	archive, err := zip.NewReader(bytes.NewReader(applet.CAP), int64(len(applet.CAP)))
	require.NoError(t, err)
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, entry := range archive.File {
		r, err := entry.Open()
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		if strings.HasSuffix(entry.Name, "/Method.cap") {
			do(t, content[len(content)-len(f.Methods.Content):])
		}
		part, err := w.Create(entry.Name)
		require.NoError(t, err)
		_, err = part.Write(content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

// capBugs are changes of the applet, one at a time. The index of a refusal counts the places in the
// order of the file, which is that of the classes' names. Each has a kept world, in which it is
// found, and the number of steps that it took to find it from seed 1 on; EKRONA_LAB_SEARCH=1
// searches for them again.
var capBugs = []struct {
	name  string
	do    edit
	kept  string
	steps int
}{
	{"pays more than its balance", withoutRefusal(spec.SWFunds, 0), "applet-1", 43},
	{"applies Instructions out of order", withoutRefusal(spec.SWSequence, 0), "applet-2", 3821},
	{"applies Instructions that are signed wrongly", withoutRefusal(spec.SWSignature, 4),
		"applet-3", 411},
	{"asks for more than it may hold", withoutRefusal(spec.SWBalanceLimit, 0), "applet-4", 3170},
	{"takes messages that their sender has not signed", withoutRefusal(spec.SWSignature, 0),
		"applet-5", 1350},
	{"deals with what is no id", withoutRefusal(spec.SWWrongData, 10), "applet-6", 1081},
}

// affordable is how many steps of search every run of the tests can afford for a bug; those that
// took longer are only tested in their kept world.
const affordable = 250

func TestBugsOfTheAppletAreFound(t *testing.T) {
	for _, bug := range capBugs {
		t.Run(bug.name, func(t *testing.T) {
			o := Options{CAP: changed(t, bug.do)}
			if os.Getenv("EKRONA_LAB_SEARCH") != "" {
				tally, found, err := Simulate(context.Background(),
					Plan{Seed: 1, Steps: 10_000, Length: 150, Workers: 1, Options: o}, nil)
				require.NoError(t, err)
				require.NotNil(t, found)
				t.Logf("found after %d steps", tally.Steps)
				short, _, err := found.Scenario.Shrink(context.Background(), o, found.Outcome, 100)
				require.NoError(t, err)
				require.NoError(t, short.Keep(filepath.Join("testdata/kept", bug.kept+".json")))
				return
			}
			kept, err := ReadScenario(filepath.Join("testdata/kept", bug.kept+".json"))
			require.NoError(t, err)
			require.NotNil(t, play(t, kept, o).Failure, "its kept world does not show it")
			if bug.steps > affordable {
				return
			}
			tally, found, err := Simulate(context.Background(),
				Plan{Seed: 1, Steps: 3 * affordable, Length: 150, Workers: 1, Options: o}, nil)
			require.NoError(t, err)
			require.NotNil(t, found, "%d steps have not found it", tally.Steps)
			t.Logf("found after %d steps: %s", tally.Steps,
				strings.SplitN(found.Outcome.Failure.Error(), "\n", 2)[0])
		})
	}
}

func TestFailureIsMadeShortAndStaysTheSame(t *testing.T) {
	o := Options{CAP: changed(t, capBugs[0].do)}
	_, found, err := Simulate(context.Background(),
		Plan{Seed: 2, Steps: 3 * affordable, Length: 150, Workers: 1, Options: o}, nil)
	require.NoError(t, err)
	require.NotNil(t, found)
	short, outcome, err := found.Scenario.Shrink(context.Background(), o, found.Outcome, 60)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(short.Steps), 4, "%s", fmt.Sprint(short.Steps))
	assert.Equal(t, found.Outcome.Failure.Class, outcome.Failure.Class)
	again := play(t, short, o)
	assert.Equal(t, outcome.Failure, again.Failure)
}
