package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/pcsc/daemon"
	"ekrona.example/personalization"
	"ekrona.example/personalization/issuertest"
)

// Wrong keys are found out before they cost a try: however often they are given, the
// card does not block, and the right ones work at once.
func TestWrongKeysNeverBlockACard(t *testing.T) {
	folder := t.TempDir()
	blank, wrong := filepath.Join(folder, "blank.card"), filepath.Join(folder, "wrong.key")
	require.NoError(t, blankCard(blank))
	require.NoError(t, os.WriteFile(wrong, []byte("00112233445566778899AABBCCDDEEFF\n"), 0o600))
	const moreThanTheCardHasTries = 12
	for range moreThanTheCardHasTries {
		require.Equal(t, cli.ExitFailed,
			program{}.run([]string{"issue", "content", "--card", blank, "--keys", wrong}))
		require.Equal(t, cli.ExitFailed,
			program{}.run([]string{"issue", "content", "--card", blank, "--keys",
				"shared:" + wrong}))
	}
	require.Equal(t, 0, program{}.run([]string{"issue", "content", "--card", blank, "--keys",
		"test"}))
}

// A card whose order was lost on its way is made for another, if its applet may go.
func TestACardOfALostOrder(t *testing.T) {
	folder := t.TempDir()
	sandbox, file, letter := filepath.Join(folder, "sandbox"), filepath.Join(folder, "begun.card"),
		filepath.Join(folder, "dora.txt")
	require.Equal(t, 0, program{}.run([]string{"demo", "--state", sandbox}))
	begun, err := cli.OpenManaged(card.Options{Profile: card.P71}, file)
	require.NoError(t, err)
	elsewhere, lost := issuertest.New(t), errors.New("lost")
	elsewhere.Line.Final = nil
	_, err = elsewhere.Line.Issue(t.Context(), begun, elsewhere.Order(t), issuertest.Secrets(t),
		func(stage personalization.Stage) error {
			if stage == personalization.KeysMade {
				return lost
			}
			return nil
		})
	require.ErrorIs(t, err, lost)
	issue := []string{"issue", "card", "--card", file, "--state", sandbox, "--bank", "SENORDIC",
		"--owner", "dora", "--keys", "test", "--letter", letter}
	require.Equal(t, cli.ExitFailed, program{}.run(issue))
	require.NoFileExists(t, letter)
	require.Equal(t, 0, program{}.run(append(issue, "--delete-applet", "--dry-run")))
	require.Equal(t, 0, program{}.run(append(issue, "--delete-applet")))
	require.FileExists(t, letter)
}

// A card in a reader of the PC/SC daemon is made as one in a file; pulled out anywhere,
// the same command line goes on with it.
func TestACardInAReaderIsMade(t *testing.T) {
	d := daemon.Start(t)
	folder := t.TempDir()
	sandbox, letter := filepath.Join(folder, "sandbox"), filepath.Join(folder, "dora.txt")
	require.Equal(t, 0, program{}.run([]string{"demo", "--state", sandbox}))
	below, err := card.New(card.Options{Profile: card.P71})
	require.NoError(t, err)
	virtual, err := globalplatform.New(below, globalplatform.Options{})
	require.NoError(t, err)
	issue := []string{
		"issue", "card", "--reader", d.Reader(0), "--state", sandbox, "--bank", "SENORDIC",
		"--owner", "dora", "--keys", "test", "--letter", letter,
	}
	// In the middle of the load file; after the keys are made; when it is active and nobody
	// has heard of it.
	for _, at := range []int{40, 124, 22} {
		in := d.Insert(0, virtual)
		in.PullAt(at, daemon.AnswerLost)
		require.Equal(t, cli.ExitFailed, program{}.run(issue))
		<-in.Out()
		d.AwaitNoCard(0)
		require.NoFileExists(t, letter)
	}
	d.Insert(0, virtual)
	require.Equal(t, 0, program{}.run(append(issue, "--dry-run")))
	require.Equal(t, 0, program{}.run(issue))
	require.FileExists(t, letter)
	require.Equal(t, 0, program{}.run([]string{"issue", "content", "--reader", d.Reader(0),
		"--keys", "test"}))
	require.Equal(t, cli.ExitFailed,
		program{}.run([]string{"issue", "check", "--reader", d.Reader(0)}), "it is dora's")
}
