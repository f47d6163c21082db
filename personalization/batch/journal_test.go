package batch_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/scp03"
	"ekrona.example/host/banking"
	"ekrona.example/host/lockfile"
	"ekrona.example/host/progress"
	"ekrona.example/host/store"
	"ekrona.example/personalization"
	"ekrona.example/personalization/batch"
	"ekrona.example/personalization/batch/batchtest"
	"ekrona.example/personalization/batch/virtual"
)

// startedCard is a job of two cards whose first card was pulled out at a stage, after which
// the operators went home.
func startedCard(t *testing.T, at personalization.Stage) *setup {
	t.Helper()
	c := set(t, batchtest.NewBureau(t, t.TempDir(), 2), 1, true)
	c.until(t, at)
	return c
}

// until runs the program with the pile's card until it has reached a stage, and ends
// it then.
func (c *setup) until(t *testing.T, at personalization.Stage) {
	t.Helper()
	c.when = func() bool {
		record, err := batch.ReadRecord(t.Context(), c.JobFolder())
		return err == nil && len(record.Items[0].Orders) == 1 &&
			record.Items[0].Orders[0].Stage == at.String()
	}
	c.operator.Load("left")
	_ = c.program(t) // ends as planned
	require.NotEmpty(t, c.ended)
	c.when = nil
	c.operator.Readers.Remove("left")
}

// open opens the scene's job as a program does.
func (c *setup) open(t *testing.T, do func(b *batch.Batch)) error {
	t.Helper()
	w, err := c.Open(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, w.Sandbox.Close()) }()
	b, err := w.Begin(t.Context(), c.Bureau, nil)
	if err != nil {
		return err
	}
	do(b)
	return b.Close()
}

func nothing(*batch.Batch) {}

func TestOneProgramAtATime(t *testing.T) {
	c := startedCard(t, personalization.Installed)
	w, err := c.Open(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, w.Sandbox.Close()) }()
	first, err := w.Begin(t.Context(), c.Bureau, nil)
	require.NoError(t, err)
	_, err = w.Begin(t.Context(), c.Bureau, nil)
	assert.ErrorIs(t, err, lockfile.ErrTaken)
	require.NoError(t, first.Close())
	second, err := w.Begin(t.Context(), c.Bureau, nil)
	require.NoError(t, err)
	require.NoError(t, second.Close())
}

// A folder that is not as the last program left it is refused, and the error names why.
func TestFoldersThatAreRefused(t *testing.T) {
	c := startedCard(t, personalization.Filled)
	in := func(s *setup, name string) string { return filepath.Join(s.JobFolder(), name) }
	rewrite := func(path, from, to string) {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(content), from)
		require.NoError(t, os.WriteFile(path, bytes.Replace(content, []byte(from), []byte(to), 1),
			0o600))
	}
	for name, row := range map[string]struct {
		change func(s *setup)
		want   string
	}{
		"the job has a card more": {func(s *setup) {
			rewrite(filepath.Join(s.Folder, "cards.csv"),
				"customer-2,", "customer-1x,")
		}, "is no customer"},
		"the job has other words": {func(s *setup) {
			rewrite(filepath.Join(s.Folder, "cards.csv"),
				"Storgatan 1", "Storgatan 7")
		}, "was changed since the job was started"},
		"it is another job's": {func(s *setup) {
			rewrite(s.JobFile(), "job: spring",
				"job: summer")
		}, "it is that of the job spring"},
		"the key is gone": {func(s *setup) {
			require.NoError(t,
				os.Remove(in(s, "journal.key")))
		}, "restore it from its backup"},
		"the key is another's": {func(s *setup) {
			require.NoError(t, os.WriteFile(in(s, "journal.key"),
				[]byte(strings.Repeat("0", 64)+"\n"), 0o600))
		}, ""},
		"the journal is gone": {func(s *setup) {
			require.NoError(t, os.Remove(in(s, "journal.db")))
		}, "the journal knows of 0: the journal was set back"},
		"the journal was emptied": {func(s *setup) {
			require.NoError(t, os.WriteFile(in(s, "journal.db"), nil, 0o600))
		}, "the journal knows of 0: the journal was set back"},
		"the log says other words": {func(s *setup) {
			rewrite(in(s, "audit.log"),
				`"event":"reserved"`, `"event":"reverted"`)
		}, "the file was changed"},
		"the log has a line more": {func(s *setup) {
			content, err := os.ReadFile(in(s, "audit.log"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(in(s, "audit.log"), append(content, "{}\n"...), 0o600))
		}, "the journal was set back to a backup"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &setup{Bureau: c.Copy(t, filepath.Join(t.TempDir(), "bureau"))}
			row.change(s)
			var listed error
			err := s.open(t, func(b *batch.Batch) { _, listed = b.Waiting(t.Context()) })
			if err == nil {
				err = listed
			}
			require.ErrorContains(t, err, row.want)
		})
	}
}

// A check finds, as the run does, that the journal of a started job is gone or was emptied.
func TestCheckFindsThatTheJournalIsGone(t *testing.T) {
	c := startedCard(t, personalization.Filled)
	w, err := c.Open(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, w.Sandbox.Close()) }()
	path := filepath.Join(c.JobFolder(), "journal.db")
	for _, lose := range []func() error{
		func() error { return os.WriteFile(path, nil, 0o600) },
		func() error { return os.Remove(path) },
	} {
		require.NoError(t, lose())
		_, err = batch.Check(t.Context(), optionsOf(t, c.Bureau, w, batchtest.Noon))
		require.ErrorContains(t, err, "the journal knows of 0: the journal was set back")
	}
}

// Other key files, and another bank, stop the job: no card is rejected for not having their keys,
// and no other key signs the log.
func TestKeysThatAreNotTheJobs(t *testing.T) {
	c := startedCard(t, personalization.Filled)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	for _, row := range []struct {
		change func(w *batchtest.Site)
		want   string
	}{
		{func(w *batchtest.Site) { w.Line.Final = scp03.Master(make([]byte, 32)) },
			"initial or final, are not those that the job was started with"},
		{func(w *batchtest.Site) { w.Line.Keys = scp03.Master(make([]byte, 16)) },
			"initial or final, are not those that the job was started with"},
		{func(w *batchtest.Site) { w.Line.Final = nil },
			"initial or final, are not those that the job was started with"},
		{func(w *batchtest.Site) { w.Line.CA.Signer = other },
			"started at a bank with another key"},
	} {
		w, err := c.Open(t.Context())
		require.NoError(t, err)
		row.change(&w)
		_, err = w.Begin(t.Context(), c.Bureau, nil)
		require.ErrorContains(t, err, row.want)
		require.ErrorContains(t, err, c.JobFolder())
		require.NoError(t, w.Sandbox.Close())
	}
	require.NoError(t, c.open(t, func(b *batch.Batch) {
		waiting, err := b.Waiting(t.Context())
		require.NoError(t, err)
		require.Len(t, waiting, 1, "it goes on with its own keys")
	}))
}

// A log that a killed program left behind its journal is brought up to it.
func TestLogIsMended(t *testing.T) {
	c := startedCard(t, personalization.Installed)
	path := filepath.Join(c.JobFolder(), "audit.log")
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, left := range []int{0, 1, len(content) / 2, len(content) - 1, len(content)} {
		require.NoError(t, os.WriteFile(path, content[:left], 0o600))
		require.NoError(t, c.open(t, nothing))
		mended, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(mended, content))
		require.Equal(t, left < len(content),
			bytes.Contains(mended[len(content):], []byte(`"event":"mended"`)))
		content = mended
	}
	require.NoError(t, os.Remove(path))
	require.NoError(t, c.open(t, nothing))
}

// What is drawn for a card is nowhere in clear, and its sealed form is gone from the
// folder's files when the card is active.
func TestSecretsAreErased(t *testing.T) {
	c := startedCard(t, personalization.Filled)
	files := func() (all []byte) {
		require.NoError(t, filepath.WalkDir(c.JobFolder(),
			func(path string, e fs.DirEntry, err error) error {
				if err != nil || e.IsDir() {
					return err
				}
				content, err := os.ReadFile(path)
				all = append(all, content...)
				return err
			}))
		return all
	}
	db, err := store.Open(t.Context(), filepath.Join(c.JobFolder(), "journal.db"))
	require.NoError(t, err)
	var sealed []byte
	require.NoError(t, db.QueryRow(`SELECT sealed FROM card_order`).Scan(&sealed))
	require.NoError(t, db.Close())
	require.Greater(t, len(sealed), 40)
	require.True(t, bytes.Contains(files(), sealed))

	second, err := batchtest.NewCard(t.Name(), true)
	require.NoError(t, err)
	c.cards = append(c.cards, second)
	c.operator.Readers.Insert("left", c.cards[0])
	c.operator.Readers.Insert("right", second)
	require.NoError(t, c.program(t))
	batchtest.Examine(t.Context(), t, c.Bureau, c.cards)
	require.False(t, bytes.Contains(files(), sealed))
	db, err = store.Open(t.Context(), filepath.Join(c.JobFolder(), "journal.db"))
	require.NoError(t, err)
	left, err := store.Number(t.Context(), db,
		`SELECT count(*) FROM card_order WHERE sealed IS NOT NULL`)
	require.NoError(t, err)
	require.Zero(t, left)
	require.NoError(t, db.Close())
}

// A card that does not come again is given up: its device is reported lost if it was
// registered, its letter is gone, another card gets its place, and the card itself is
// refused if it turns up.
func TestCardIsGivenUp(t *testing.T) {
	for _, at := range []personalization.Stage{personalization.Inspected, personalization.Installed,
		personalization.Registered} {
		t.Run(at.String(), func(t *testing.T) {
			c := startedCard(t, at)
			lost := c.cards[0]
			var device batch.Waiting
			require.NoError(t, c.open(t, func(b *batch.Batch) {
				waiting, err := b.Waiting(t.Context())
				require.NoError(t, err)
				require.Len(t, waiting, 1)
				device = waiting[0]
				assert.Equal(t, at, device.Stage)
				require.ErrorContains(t, b.GiveUp(t.Context(), "SENORDICC9999999", "x"),
					"no order of this job")
				for range 2 { // given again
					require.NoError(t, b.GiveUp(t.Context(), device.Device, "the card is broken"))
				}
				count, err := b.Count(t.Context())
				require.NoError(t, err)
				assert.Equal(t, progress.Count{Total: 2}, count)
			}))
			assert.NoFileExists(t,
				filepath.Join(c.JobFolder(), "letters", string(device.Device)+".txt.age"))

			pile := []virtual.Card{lost}
			for i := range 2 {
				fresh, err := batchtest.NewCard(t.Name()+string(rune('a'+i)), true)
				require.NoError(t, err)
				c.cards = append(c.cards, fresh)
				pile = append(pile, fresh)
			}
			c.operator.Stack = pile
			c.operator.Load("left", "right")
			require.NoError(t, c.program(t))
			batchtest.Examine(t.Context(), t, c.Bureau, c.cards)
			record, err := batch.ReadRecord(t.Context(), c.JobFolder())
			require.NoError(t, err)
			require.Equal(t, "rejected", record.Items[0].Orders[0].State)
			refusals := 0
			for _, v := range record.Sessions {
				if v.Outcome == "refused" {
					refusals++
					assert.Contains(t, v.Reason, "it was rejected as "+string(device.Device)+
						" (the card is broken)")
				}
			}
			assert.Equal(t, at > personalization.Inspected, refusals == 1,
				"a card on which nothing was installed is as good as a blank one")

			require.NoError(t, c.open(t, func(b *batch.Batch) {
				require.ErrorContains(t, b.GiveUp(t.Context(), record.Items[0].Orders[1].Device,
					"x"), "is active")
			}))
			w, err := c.Open(t.Context())
			require.NoError(t, err)
			_, err = w.Bank.Device(t.Context(), device.Device)
			assert.Equal(t, at < personalization.Registered, errors.Is(err, banking.ErrNoDevice))
			require.NoError(t, w.Sandbox.Close())
		})
	}
}

// Cards that must not be made are turned away, each with its reason, and nothing is
// written on them; those of the job are made.
func TestUnusableCardsAreTurnedAway(t *testing.T) {
	c := set(t, batchtest.NewBureau(t, t.TempDir(), 1), 2, true)
	other := startedCard(t, personalization.Installed)
	unusable := unusableCards(t, t.Name(), issuedElsewhere(t))
	good := c.operator.Stack
	c.operator.Stack = append([]virtual.Card{unusable["other keys"], unusable["nameless"],
		unusable["issued"], other.cards[0]}, good...)
	c.operator.Load("left")
	var notices []progress.Event
	w, err := c.Open(t.Context())
	require.NoError(t, err)
	job, err := w.Begin(t.Context(), c.Bureau, nil)
	require.NoError(t, err)
	require.NoError(t, job.Run(t.Context(), c.operator.Readers, func(n progress.Event) {
		if n.Kind != progress.Taken {
			notices = append(notices, n)
		}
		c.operator.Handle(n)
	}))
	require.NoError(t, job.Close())
	require.NoError(t, w.Sandbox.Close())
	want := []struct {
		kind   progress.Kind
		reason string
	}{
		{progress.Refused, "keys"}, {progress.Refused, "neither production data"},
		{progress.Refused, "this card has an owner"},
		{progress.Refused, "started elsewhere"}, {progress.Made, ""},
	}
	require.Len(t, notices, len(want))
	for i := range want {
		assert.Equal(t, want[i].kind, notices[i].Kind)
		assert.Contains(t, notices[i].Text, want[i].reason)
	}
	batchtest.Examine(t.Context(), t, c.Bureau, c.cards)
}
