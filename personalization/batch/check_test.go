package batch_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/scp03"
	"ekrona.example/host/clock"
	"ekrona.example/host/progress"
	"ekrona.example/personalization"
	"ekrona.example/personalization/batch"
	"ekrona.example/personalization/batch/batchtest"
)

// withExpiry writes a last day into a bureau's job.
func withExpiry(t *testing.T, s batchtest.Bureau, day string) {
	t.Helper()
	content, err := os.ReadFile(s.JobFile())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.JobFile(), append(content, "expiry: "+day+"\n"...), 0o600))
}

// optionsOf are those with which the bureau's job would be opened.
func optionsOf(t *testing.T, s batchtest.Bureau, w batchtest.Site, now time.Time) batch.Options {
	t.Helper()
	job, err := batch.ReadJob(s.JobFile())
	require.NoError(t, err)
	o := batch.Options{
		Job: job, Folder: s.JobFolder(), Line: w.Line, Registry: w.Bank, Need: w.Need,
		LogKey: w.Line.CA.Signer, Clock: clock.Fixed(now),
	}
	if !job.Expiry.IsZero() {
		o.Line.Expiry = job.Expiry
	}
	return o
}

// What is the job's fault is found by the check and by the run, in the same words, before
// anything is started.
func TestFaultsOfTheJobAreFoundBeforeItIsStarted(t *testing.T) {
	for day, want := range map[string]string{
		"2026-11-21": "is past: give a later one",
		"2099-01-01": "is after that of their CA",
	} {
		s := batchtest.NewBureau(t, t.TempDir(), 1)
		withExpiry(t, s, day)
		w, err := s.Open(t.Context())
		require.NoError(t, err)
		_, err = batch.Check(t.Context(), optionsOf(t, s, w, batchtest.Noon))
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, filepath.Join(s.Folder, "job.yaml")+":9: expiry: ")
		_, opened := batch.Open(t.Context(), optionsOf(t, s, w, batchtest.Noon))
		assert.Equal(t, err, opened)
		assert.NoDirExists(t, s.JobFolder())
		require.NoError(t, w.Sandbox.Close())
	}
}

// A job whose last day comes while it is being done stops before its next card, and no
// card is to blame. One whose cards are all made is done for ever, and a card of it can
// still be given up.
func TestJobThatIsOvertakenByItsLastDay(t *testing.T) {
	c := set(t, batchtest.NewBureau(t, t.TempDir(), 1), 1, true)
	withExpiry(t, c.Bureau, "2027-01-01")
	w, err := c.Open(t.Context())
	require.NoError(t, err)
	job, err := batch.Open(t.Context(), optionsOf(t, c.Bureau, w, batchtest.Noon))
	require.NoError(t, err)
	require.NoError(t, job.Close())

	later := optionsOf(t, c.Bureau, w, batchtest.Noon.AddDate(1, 0, 0))
	job, err = batch.Open(t.Context(), later)
	require.NoError(t, err)
	c.operator.Load("left")
	err = job.Run(
		t.Context(),
		c.operator.Readers,
		func(e progress.Event) { assert.Fail(t, "a card is blamed", e) },
	)
	var problems batch.Problems
	require.ErrorAs(t, err, &problems)
	assert.ErrorContains(t, err, "is past")
	require.ErrorContains(
		t,
		job.GiveUp(t.Context(), "SENORDICC9999999", "x"),
		"no order of this job",
	)
	require.NoError(t, job.Close())

	job, err = batch.Open(t.Context(), optionsOf(t, c.Bureau, w, batchtest.Noon))
	require.NoError(t, err)
	require.NoError(t, job.Run(t.Context(), c.operator.Readers, c.operator.Handle))
	require.NoError(t, job.Close())
	_, err = batch.Check(t.Context(), later)
	require.NoError(t, err)
	job, err = batch.Open(t.Context(), later)
	require.NoError(t, err)
	require.NoError(t, job.Run(t.Context(), c.operator.Readers, c.operator.Handle))
	require.NoError(t, job.Close())
	require.NoError(t, w.Sandbox.Close())
}

// enroller makes customers of those that the bank of a bureau does not have.
type enroller struct{ batchtest.Site }

func (e enroller) MayEnrol(_ context.Context, owner string) error {
	return e.Sandbox.MayEnrol(e.Bank, owner)
}

func (e enroller) Enrol(ctx context.Context, owner string) error {
	return e.Sandbox.Enrol(ctx, e.Bank, owner)
}

// Owners who will be enrolled are no errors, those who cannot be are, and the check
// enrols nobody.
func TestCheckForetellsWhoIsEnrolled(t *testing.T) {
	s := batchtest.NewBureau(t, t.TempDir(), 1)
	require.NoError(
		t,
		os.WriteFile(
			filepath.Join(s.Folder, "cards.csv"),
			[]byte("owner\ncustomer-1\nnew-1\n"),
			0o600,
		),
	)
	w, err := s.Open(t.Context())
	require.NoError(t, err)
	o := optionsOf(t, s, w, batchtest.Noon)
	_, err = batch.Check(t.Context(), o)
	require.ErrorContains(t, err, `cards.csv:3: owner "new-1" is no customer of SENORDIC`)
	o.Enrol = enroller{w}
	for range 2 {
		lateCustomers, err := batch.Check(t.Context(), o)
		require.NoError(t, err)
		require.Len(t, lateCustomers, 1)
		assert.Equal(t, "new-1", lateCustomers[0].Owner)
	}
	job, err := batch.Open(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, job.Close())
	lateCustomers, err := batch.Check(t.Context(), o)
	require.NoError(t, err)
	assert.Empty(t, lateCustomers)

	require.NoError(
		t,
		os.WriteFile(filepath.Join(s.Folder, "cards.csv"), []byte("owner\nNEW!\n"), 0o600),
	)
	o = optionsOf(t, s, w, batchtest.Noon)
	o.Folder, o.Enrol = filepath.Join(s.Folder, "other"), enroller{w}
	_, err = batch.Check(t.Context(), o)
	require.ErrorContains(t, err, `cards.csv:2: owner "NEW!": `)
	_, opened := batch.Open(t.Context(), o)
	assert.Equal(t, err, opened)
	require.NoError(t, w.Sandbox.Close())
}

// A supplier's keys with the version of ours are replaced; a card whose keys nobody named
// uses up no device id, however often it is put in.
func TestCardsWithSuppliersKeysUnderOurVersion(t *testing.T) {
	c := set(t, batchtest.NewBureau(t, t.TempDir(), 1), 1, true)
	client, err := globalplatform.Open(
		t.Context(),
		c.cards[0],
		nil,
		scp03.Options{Keys: scp03.TestKeys(), Level: scp03.Full},
	)
	require.NoError(t, err)
	suppliers := scp03.Keys{ENC: make([]byte, 16), MAC: make([]byte, 16), DEK: make([]byte, 16)}
	require.NoError(t, client.PutKeys(t.Context(), personalization.FinalKeyVersion, suppliers, 0))

	w, err := c.Open(t.Context())
	require.NoError(t, err)
	job, err := batch.Open(t.Context(), optionsOf(t, c.Bureau, w, batchtest.Noon))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	tries := 0
	c.operator.Load("left")
	require.NoError(t, job.Run(ctx, c.operator.Readers, func(e progress.Event) {
		assert.Equal(t, progress.Refused, e.Kind)
		assert.Contains(t, e.Text, "were both tried")
		if tries++; tries == 3 {
			stop()
			return
		}
		c.operator.Readers.Insert("left", c.cards[0])
	}))
	require.NoError(t, job.Close())

	right := optionsOf(t, c.Bureau, w, batchtest.Noon)
	right.Line.Keys = suppliers
	job, err = batch.Open(t.Context(), right)
	require.NoError(t, err)
	var made []string
	c.operator.Readers.Insert("left", c.cards[0])
	require.NoError(t, job.Run(t.Context(), c.operator.Readers, func(e progress.Event) {
		if e.Kind == progress.Made {
			made = append(made, e.Device)
		}
	}))
	require.NoError(t, job.Close())
	assert.Equal(t, []string{"SENORDICC0000003"}, made, "the first id that is free")
	require.NoError(t, w.Sandbox.Close())
}
