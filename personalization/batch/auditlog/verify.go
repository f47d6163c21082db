package auditlog

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// Fault is the first thing that is wrong with a log. The lines before Line are as
// they were written.
type Fault struct {
	Line int // 1 for the first
	What string
}

// Error names where, what and what to do.
func (f *Fault) Error() string {
	return fmt.Sprintf("audit log, line %d: %s; the lines before it are unchanged: find "+
		"a copy of the log and compare", f.Line, f.What)
}

// ErrTorn is returned if the log ends within a line, as a writer that was killed leaves
// it; its next start mends it.
var ErrTorn = errors.New("audit log: it ends within a line: the program that wrote it was " +
	"killed; its next start notes that and goes on")

// Verify reads a log and checks every line: number, hash of the line before,
// signature. If a head is known, not the zero one, the log must have that line, and
// so not be shorter. each, if not nil, receives the entries. Errors: [*Fault],
// [ErrTorn], those of each and of the reader.
func Verify(r io.Reader, key *ecdsa.PublicKey, known Head, each func(Entry) error) (Head, error) {
	in := bufio.NewReader(r)
	head := Head{}
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			switch {
			case head.Number < known.Number:
				return head, &Fault{head.Number + 1,
					fmt.Sprintf("it is missing: the log had %d lines and has %d, its end was cut "+
						"off", known.Number, head.Number)}
			case len(line) > 0:
				return head, ErrTorn
			}
			return head, nil
		}
		if err != nil {
			return head, fmt.Errorf("audit log: %w", err)
		}
		number := head.Number + 1
		line = bytes.TrimSuffix(line, []byte{'\n'})
		entry, err := parse(line, key)
		switch {
		case err != nil:
			return head, &Fault{number, err.Error()}
		case entry.Number != number:
			return head, &Fault{number,
				fmt.Sprintf("it is entry %d: lines were moved, taken out or put in", entry.Number)}
		case entry.Previous != head.previous():
			return head, &Fault{number,
				"it does not follow the line before it, which belongs to another log"}
		}
		head = Head{number, sha256.Sum256(line)}
		if number == known.Number && head != known {
			return head, &Fault{number,
				"it is another line than the one known: the log was written anew"}
		}
		if each != nil {
			if err := each(entry); err != nil {
				return head, err
			}
		}
	}
}
