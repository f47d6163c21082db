package batch

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/host/store"
	"ekrona.example/personalization/batch/letter"
)

// Record is the content of a job's journal, without secrets.
type Record struct {
	Job      string
	Bank     message.Name
	Started  time.Time
	Items    []Item    // in the order of the job
	Sessions []Session // in the order of time
}

// Item is one card of the job.
type Item struct {
	Line   int // in the job's file of cards
	Owner  string
	Name   string
	Orders []Tried // the last is the one that counts
}

// Tried is one try at a card.
type Tried struct {
	Device     message.DeviceID
	CardSerial CardSerial
	State      string // begun, active, rejected
	Stage      string // the latest on the card
	Reason     string // of one rejected
	Letter     bool   // its PIN letter is there
}

// State is what has become of the item: active, begun, or open.
func (i Item) State() string {
	if n := len(i.Orders); n > 0 && i.Orders[n-1].State != rejected {
		return i.Orders[n-1].State
	}
	return "open"
}

// Session is one stay of a card in a reader.
type Session struct {
	Reader     string
	CardSerial CardSerial
	Device     message.DeviceID // none for a card that was turned away
	Began      time.Time
	Ended      time.Time // of one that was cut, when its last step ended
	Outcome    string    // cut, active, pulled, failed, rejected, refused
	Reason     string
	Steps      []Step
}

// Step is a stage that became true, or was found true.
type Step struct {
	Stage        string
	Began, Ended time.Time
	Card         time.Duration // of that, in which card and reader were at work
}

// Card sums what card and reader took, Host the rest.
func (v Session) Card() (total time.Duration) {
	for _, s := range v.Steps {
		total += s.Card
	}
	return total
}

// Host is what this machine took in the steps: signing, journal, registration.
func (v Session) Host() time.Duration {
	total := -v.Card()
	for _, s := range v.Steps {
		total += s.Ended.Sub(s.Began)
	}
	return total
}

// openExisting opens the journal of a folder for reading.
func openExisting(ctx context.Context, folder string) (*sql.DB, error) {
	if info, err := os.Stat(folder); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("job folder %s: it is a file: name the folder that \"ekrona issue "+
			"batch\" named", folder)
	}
	path := filepath.Join(folder, journalFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("job folder %s: no job was started here: name the folder that "+
			"\"ekrona issue batch\" named", folder)
	}
	return openDB(ctx, nil, path)
}

// ReadRecord reads the journal in a job's folder, also while the job is being done.
func ReadRecord(ctx context.Context, folder string) (_ Record, err error) {
	db, err := openExisting(ctx, folder)
	if err != nil {
		return Record{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var r Record
	var started int64
	if err := store.Must(ctx, db, store.Into{&r.Job, &r.Bank, &started},
		`SELECT name, bank, begun FROM job`); err != nil {
		return r, fmt.Errorf("journal: %w", err)
	}
	r.Started = time.Unix(0, started)
	if err := r.readItems(ctx, db, folder); err != nil {
		return r, fmt.Errorf("journal: %w", err)
	}
	if err := r.readSessions(ctx, db); err != nil {
		return r, fmt.Errorf("journal: %w", err)
	}
	return r, nil
}

func (r *Record) readItems(ctx context.Context, db *sql.DB, folder string) error {
	err := store.Each(ctx, db, func(row store.Row) error {
		var i Item
		err := row.Scan(&i.Line, &i.Owner, &i.Name)
		r.Items = append(r.Items, i)
		return err
	}, `SELECT line, owner, name FROM item ORDER BY position`)
	if err != nil {
		return err
	}
	return store.Each(ctx, db, func(row store.Row) error {
		var t Tried
		var position int
		if err := row.Scan(&position, &t.Device, &t.CardSerial, &t.State, &t.Stage,
			&t.Reason); err != nil {
			return err
		}
		var err error
		t.Letter, err = letter.Exists(filepath.Join(folder, lettersIn), t.Device)
		r.Items[position-1].Orders = append(r.Items[position-1].Orders, t)
		return err
	}, `SELECT position, device, card_serial, state, stage, reason FROM card_order ORDER BY
		position, attempt`)
}

func (r *Record) readSessions(ctx context.Context, db *sql.DB) error {
	index := map[int64]int{}
	err := store.Each(ctx, db, func(row store.Row) error {
		var v Session
		var number, began, ended int64
		err := row.Scan(&number, &v.Reader, &v.CardSerial, &v.Device, &began, &ended, &v.Outcome,
			&v.Reason)
		v.Began, v.Ended = time.Unix(0, began), time.Unix(0, ended)
		index[number] = len(r.Sessions)
		r.Sessions = append(r.Sessions, v)
		return err
	}, `SELECT number, reader, card_serial, COALESCE(device, ''), began, COALESCE(ended, began),
		outcome, reason FROM session ORDER BY number`)
	if err != nil {
		return err
	}
	return store.Each(ctx, db, func(row store.Row) error {
		var s Step
		var number, began, ended int64
		if err := row.Scan(&number, &s.Stage, &began, &ended, &s.Card); err != nil {
			return err
		}
		s.Began, s.Ended = time.Unix(0, began), time.Unix(0, ended)
		v := &r.Sessions[index[number]]
		v.Steps = append(v.Steps, s)
		if s.Ended.After(v.Ended) {
			v.Ended = s.Ended
		}
		return nil
	}, `SELECT session, stage, began, ended, card FROM step ORDER BY number`)
}
