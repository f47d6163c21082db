package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/thorough"
	"ekrona.example/applet"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/issue"
	"ekrona.example/host/party"
	"ekrona.example/host/pcsc/daemon"
	"ekrona.example/personalization/batch"
	"ekrona.example/personalization/batch/batchtest"
	"ekrona.example/personalization/batch/virtual"
)

// This program, started anew by a test with these in its environment, is the command
// with a hook that kills it at a step. Nothing of that is in the product.
const (
	killAt     = "EKRONA_TEST_KILL_AT"     // number of the step, 0 for none
	countSteps = "EKRONA_TEST_COUNT_STEPS" // file that gets how many there were

	killParties = "EKRONA_TEST_KILL_PARTIES" // not empty: the steps are those of parties
)

// killAtCommit makes this process the command if a test wants it to be.
func killAtCommit() {
	text, wanted := os.LookupEnv(killAt)
	if !wanted {
		return
	}
	at, err := strconv.Atoi(text)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(cli.ExitUsage)
	}
	var mu sync.Mutex
	steps := 0
	hook := func(string) error {
		mu.Lock()
		defer mu.Unlock()
		if steps++; steps == at {
			if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
				return err
			}
			select {} // nothing happens any more
		}
		return nil
	}
	killable := program{batch: issue.Instruments{
		Driver: batchtest.Hook(hook).Driver(),
		Card:   func(c virtual.Card) virtual.Card { return batchtest.Card{Card: c, Hook: hook} },
		Tap:    func(tap batch.Tap) batch.Tap { return batchtest.Tap{Tap: tap, Hook: hook} },
	}}
	if os.Getenv(killParties) != "" {
		killable.party = party.Environment{Driver: batchtest.Hook(hook).Driver()}
	}
	code := killable.run(os.Args[1:])
	if err := os.WriteFile(os.Getenv(countSteps), []byte(strconv.Itoa(steps)), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = cli.ExitFailed
	}
	os.Exit(code)
}

// issueBatch runs "issue batch" on a bureau's job in a process of its own, which is
// killed at a step. It reports whether it was, what it wrote, and how many steps it made
// if not.
func issueBatch(
	t *testing.T, s batchtest.Bureau, at int, flags ...string,
) (killed bool, out string, steps int) {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	count := filepath.Join(t.TempDir(), "steps")
	c := exec.CommandContext(t.Context(), program, append([]string{
		"issue", "batch", s.JobFile(), "--state", s.SandboxFolder(), "--folder", s.JobFolder(),
	}, flags...)...)
	c.Env = append(os.Environ(), killAt+"="+strconv.Itoa(at), countSteps+"="+count)
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	err = c.Run()
	if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		require.Equal(t, syscall.SIGKILL, status.Signal(), said.String())
		return true, said.String(), 0
	}
	require.NoError(t, err, said.String())
	text, err := os.ReadFile(count)
	require.NoError(t, err)
	steps, err = strconv.Atoi(string(text))
	require.NoError(t, err)
	return false, said.String(), steps
}

// loadedCard makes a virtual card in a file, with the applet's load file on it: what
// is left to do are steps that differ from each other.
func loadedCard(t *testing.T, path, seed string) *globalplatform.Card {
	t.Helper()
	random := card.SeededRandom(seed)
	virtual, err := card.Open(card.Options{Profile: card.P71, Random: random}, path)
	require.NoError(t, err)
	_, err = virtual.Load(applet.CAP)
	require.NoError(t, err)
	managed, err := globalplatform.New(virtual, globalplatform.Options{Random: random})
	require.NoError(t, err)
	return managed
}

// The command is killed at steps all over a job on cards in files, and goes on when it
// is given again. Each step is tried in package batch, and below where PC/SC is.
func TestBatchIsKilledAndGoesOn(t *testing.T) {
	batchtest.InMemory(t)
	founded := batchtest.NewBureau(t, t.TempDir(), 2)
	const stride = 13
	for at := 1; ; at += stride {
		s := founded.Copy(t, filepath.Join(t.TempDir(), "bureau"))
		flags := []string{"--readers", "2"}
		var files []string
		for i := range 3 { // one is too many
			files = append(files, filepath.Join(s.Folder, fmt.Sprintf("%d.card", i)))
			loadedCard(t, files[i], fmt.Sprintf("%s %d %d", t.Name(), at, i))
			flags = append(flags, "--card", files[i])
		}
		killed, _, _ := issueBatch(t, s, at, flags...)
		if killed {
			issueBatch(t, s, 0, flags...)
		}
		var cards []virtual.Card
		for _, file := range files {
			opened := &issue.CardInFile{Path: file}
			require.NoError(t, opened.Reset())
			cards = append(cards, opened)
		}
		batchtest.Examine(t.Context(), t, s, cards)
		for _, opened := range cards {
			require.NoError(t, opened.(*issue.CardInFile).Close())
		}
		require.NoError(t, os.RemoveAll(s.Folder))
		if !killed {
			require.Greater(t, at, 5*stride)
			return
		}
	}
}

// slots holds the cards in two readers that a test exchanges for others: putting in and taking out
// hundreds of cards would take the daemon long. A killed command leaves the daemon with a command
// under way and a reset to come, so that no card may ever be in two readers, and one lock is over
// both.
type slots struct {
	mu    sync.Mutex
	cards [daemon.Readers]*globalplatform.Card
}

func (s *slots) set(cards ...*globalplatform.Card) {
	s.mu.Lock()
	defer s.mu.Unlock()
	copy(s.cards[:], cards)
}

// slot is the card in one of the readers.
type slot struct {
	*slots
	n int
}

func (p slot) Reset() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cards[p.n].Reset()
}

func (p slot) TransmitBytes(command []byte) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cards[p.n].TransmitBytes(command)
}

// The command is killed at steps of a job at two readers of the PC/SC daemon, and goes on, with the
// cards in each other's reader, when it is given again.
func TestBatchIsKilledUnderTheDaemon(t *testing.T) {
	d := daemon.Start(t)
	batchtest.InMemory(t)
	founded := batchtest.NewBureau(t, t.TempDir(), 2)
	var readers slots
	fresh := func(at int) (cards []virtual.Card, managed []*globalplatform.Card) {
		for i := range daemon.Readers {
			c, err := batchtest.NewCard(fmt.Sprintf("%s %d %d", t.Name(), at, i), true)
			require.NoError(t, err)
			cards, managed = append(cards, c), append(managed, c)
		}
		return cards, managed
	}
	_, managed := fresh(0)
	readers.set(managed...)
	for i := range daemon.Readers {
		d.Insert(i, slot{&readers, i})
	}
	steps, kills := 0, 0
	for at := 0; at <= steps; at++ { // at 0 it is not killed
		if at > 0 && !thorough.Tries(at, 4) {
			continue
		}
		s := founded.Copy(t, filepath.Join(t.TempDir(), "bureau"))
		cards, managed := fresh(at)
		readers.set(managed...)
		killed, _, taken := issueBatch(t, s, at)
		if killed {
			kills++
			readers.set(managed[1], managed[0])
			issueBatch(t, s, 0)
		}
		if at == 0 {
			steps = taken
		}
		batchtest.Examine(t.Context(), t, s, cards)
		require.NoError(t, os.RemoveAll(s.Folder))
	}
	require.Greater(t, steps, 100)
	require.Greater(t, kills, steps/5)
	t.Logf("killed at %d of %d steps", kills, steps)
}

// Cards are pulled out of readers while the command works, and put into the other.
func TestBatchWithPulledCardsUnderTheDaemon(t *testing.T) {
	d := daemon.Start(t)
	s := batchtest.NewBureau(t, t.TempDir(), 2)
	var cards []virtual.Card
	var managed []*globalplatform.Card
	for i := range daemon.Readers {
		c, err := batchtest.NewCard(fmt.Sprintf("%s %d", t.Name(), i), true)
		require.NoError(t, err)
		cards, managed = append(cards, c), append(managed, c)
	}
	first, second := d.Insert(0, managed[0]), d.Insert(1, managed[1])
	first.PullAt(20, daemon.AnswerLost)
	second.PullAt(25, daemon.CommandLost)
	done := make(chan string)
	go func() {
		_, out, _ := issueBatch(t, s, 0)
		done <- out
	}()
	<-first.Out()
	<-second.Out()
	d.AwaitNoCard(0)
	d.AwaitNoCard(1)
	d.Insert(0, managed[1])
	d.Insert(1, managed[0])
	out := <-done
	require.GreaterOrEqual(t, strings.Count(out, "insert it again, into any reader"), 2, out)
	batchtest.Examine(t.Context(), t, s, cards)
}
