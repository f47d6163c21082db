package campaign

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
)

// journal keeps final verdicts in a file: a line of JSON for the campaign, then one for each
// outcome, appended in one write. A line that the death of the program cut short is cut off
// when the journal is opened; its variant is tried again. A file that is no journal stays as it
// is. The file is locked while it is open, and the system releases the lock of a program that
// dies.
type journal struct {
	file  *os.File // nil for no journal
	known []Outcome
}

// header is the first line.
type header struct {
	Campaign string `json:"campaign"`
	Subject  string `json:"subject"`
	Program  string `json:"program"`
}

// programHash is the SHA-256 of the program that runs, in hex: another program may give other
// verdicts.
var programHash = sync.OnceValues(func() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(h, file)
	return hex.EncodeToString(h.Sum(nil)), errors.Join(err, file.Close())
})

// journalMode is the mode of a new journal: details may hold what cards answered.
const journalMode = 0o600

func openJournal(path string, own header) (*journal, error) {
	if path == "" {
		return &journal{}, nil
	}
	var err error
	if own.Program, err = programHash(); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, journalMode)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &journal{file: file}
	if err = j.lock(); err == nil {
		err = j.read(own)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("journal %s: %w", path, err), file.Close())
	}
	return j, nil
}

// lock keeps a second program, and a second campaign of this one, away from the file.
func (j *journal) lock() error {
	err := syscall.Flock(int(j.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errors.New("another campaign has it open: wait until that ends, or name another")
	}
	return err
}

// errNoJournal is of a file that something else has written.
var errNoJournal = errors.New("it is no journal, name another file")

// read takes in what is there, cuts a torn end off, and begins an empty journal. It changes
// nothing in a file that does not begin as a journal of this campaign does.
func (j *journal) read(own header) error {
	content, err := io.ReadAll(j.file)
	if err != nil {
		return err
	}
	whole := content[:bytes.LastIndexByte(content, '\n')+1]
	if len(whole) == 0 {
		first, err := json.Marshal(own)
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(first, content) {
			return fmt.Errorf("line 1: %w", errNoJournal)
		}
		if err := j.file.Truncate(0); err != nil {
			return err
		}
		return j.append(own)
	}
	if err := j.take(whole, own); err != nil {
		return err
	}
	if len(whole) == len(content) {
		return nil
	}
	return j.file.Truncate(int64(len(whole)))
}

// take takes in the whole lines of a journal.
func (j *journal) take(whole []byte, own header) error {
	lines := bytes.Split(bytes.TrimSuffix(whole, []byte("\n")), []byte("\n"))
	var there header
	if err := strictly(lines[0], &there); err != nil {
		return fmt.Errorf("line 1: %w; %w", err, errNoJournal)
	}
	if there != own {
		return fmt.Errorf("it is of campaign %q on %q by program %.8s, this is %q on %q by %.8s; "+
			"name another file", there.Campaign, there.Subject, there.Program,
			own.Campaign, own.Subject, own.Program)
	}
	for i, line := range lines[1:] {
		var o Outcome
		if err := strictly(line, &o); err != nil {
			return fmt.Errorf("line %d: %w; delete it to have its variant tried again", i+2, err)
		}
		if !o.Verdict.IsFinal() {
			return fmt.Errorf("line %d: no trial ends %q; delete it", i+2, o.Verdict)
		}
		j.known = append(j.known, o)
	}
	return nil
}

func strictly(line []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object")
	}
	return nil
}

// add keeps an outcome, if trying again would bring nothing else.
func (j *journal) add(o Outcome) error {
	if j.file == nil || !o.Verdict.IsFinal() {
		return nil
	}
	o.Title = "" // the campaign has it
	if err := j.append(o); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}

func (j *journal) append(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = j.file.Write(append(line, '\n'))
	return err
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}
