//go:build pcsc

package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/pcsc/daemon"
)

// TestScriptsOverPCSC runs the command on cards in the readers of a real daemon. The
// scripts have three commands more:
//
//	await-card N         returns when PC/SC sees a card in reader 0 or 1
//	await-no-card N      returns when it sees the reader empty
//	pin-of LETTER FILE   puts the PIN of a letter into a file
func TestScriptsOverPCSC(t *testing.T) {
	d := daemon.Start(t)
	reader := func(arguments []string) int { return map[string]int{"0": 0, "1": 1}[arguments[0]] }
	scripts, err := filepath.Glob(filepath.Join("testdata", "pcsc", "*.txtar"))
	require.NoError(t, err)
	require.NotEmpty(t, scripts)
	params := testscript.Params{
		Setup: func(e *testscript.Env) error {
			return errors.Join(copyProbes(e.WorkDir),
				blankCard(filepath.Join(e.WorkDir, "blank.card")))
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, arguments []string){
			"await-card": func(_ *testscript.TestScript, _ bool,
				a []string) {
				d.AwaitCard(reader(a))
			},
			"await-no-card": func(_ *testscript.TestScript, _ bool,
				a []string) {
				d.AwaitNoCard(reader(a))
			},
			"pin-of": func(ts *testscript.TestScript, _ bool, a []string) {
				found := regexp.MustCompile(`(?m)^PIN +(\d+)$`).FindStringSubmatch(
					ts.ReadFile(a[0]))
				if found == nil {
					ts.Fatalf("no PIN in %s", a[0])
				}
				ts.Check(os.WriteFile(ts.MkAbs(a[1]), []byte(found[1]), 0o600))
			},
		},
		RequireExplicitExec: true,
	}
	for _, script := range scripts { // one after the other: the readers are there once
		t.Run(filepath.Base(script), func(t *testing.T) {
			params.Files = []string{script}
			testscript.Run(t, params)
		})
	}
}
