package archive

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"ekrona.example/apdu/message"
	"ekrona.example/host/durable"
)

// An archive is a file of lines of JSON: a head, one Entry for each payment in the order in which
// they came, and a tail.

// Entry is one payment in a file, with the Receipt that accepted it.
type Entry struct {
	Payer    message.DeviceID `json:"payer"`
	ATC      uint32           `json:"atc"`      // number of the payment on its payer's card
	Identity []byte           `json:"identity"` // SHA-256 of the Payment's body
	Payment  []byte           `json:"payment"`  // with its signatures
	Answer   []byte           `json:"receipt_identity"`
	Receipt  []byte           `json:"receipt"`
}

type head struct {
	Archive string `json:"archive"` // format
	Before  string `json:"before"`  // YYYY-MM-DD
}

type tail struct {
	Payments *int64 `json:"payments"`
	SHA256   []byte `json:"sha256"` // of all lines before
}

const (
	format  = "e-krona payments 1"
	partial = ".part" // ending of a file that is not whole
	maxLine = 64 << 10
)

// ErrFile says that a file is no archive, or not a whole one.
var ErrFile = errors.New("this is no whole archive")

// writer writes a file that has its name once it is whole and on the disk.
type writer struct {
	path string
	file *os.File
	to   *bufio.Writer
	sum  hash.Hash
	n    int64
}

func create(path, before string) (*writer, error) {
	path, err := durable.Behind(path)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path+partial, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	w := &writer{path: path, file: f, to: bufio.NewWriterSize(f, maxLine), sum: sha256.New()}
	return w, w.line(head{format, before})
}

func (w *writer) line(value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	text = append(text, '\n')
	_, _ = w.sum.Write(text) // a hash writes everything
	_, err = w.to.Write(text)
	return err
}

func (w *writer) add(e *Entry) error {
	w.n++
	return w.line(e)
}

// finish gives the file its name, or leaves none.
func (w *writer) finish() error {
	err := w.line(tail{&w.n, w.sum.Sum(nil)})
	if err := errors.Join(err, w.to.Flush(), w.file.Sync()); err != nil {
		return errors.Join(err, w.giveUp())
	}
	if err := w.file.Close(); err != nil {
		return errors.Join(err, os.Remove(w.path+partial))
	}
	return durable.Rename(w.path+partial, w.path)
}

// giveUp leaves no file.
func (w *writer) giveUp() error {
	return errors.Join(w.file.Close(), os.Remove(w.path+partial))
}

// content is what a file says of itself.
type content struct {
	before   string
	payments int64
	sum      []byte
}

// read calls do for every entry of a file, and returns what it is once it was read whole. Errors:
// [ErrFile].
func read(path string, do func(e *Entry) error) (c content, err error) {
	f, err := os.Open(path)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if at, err := f.Stat(); err != nil || !at.Mode().IsRegular() {
		return c, errors.Join(err, fmt.Errorf("%s: %w: it is no file", path, ErrFile))
	}
	r, sum := bufio.NewReaderSize(f, maxLine), sha256.New()
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%s: %w: %s", path, ErrFile, fmt.Sprintf(format, args...))
	}
	var h head
	text, err := r.ReadSlice('\n')
	if err != nil || strictly(text, &h) != nil || h.Archive != format {
		return c, wrong("its first line is not that of one")
	}
	c.before = h.Before
	for line := int64(2); ; line++ {
		_, _ = sum.Write(text)
		text, err = r.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return c, wrong("its end is missing, from line %d on", line)
		}
		if err != nil {
			return c, wrong("line %d: %v", line, err)
		}
		var end tail
		if strictly(text, &end) == nil {
			if end.Payments == nil || *end.Payments != c.payments ||
				!bytes.Equal(end.SHA256, sum.Sum(nil)) {
				return c, wrong("its lines are not those that its last line counts")
			}
			if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
				return c, wrong("there is more after line %d", line)
			}
			c.sum = end.SHA256
			return c, nil
		}
		e := &Entry{}
		if err := strictly(text, e); err != nil {
			return c, wrong("line %d is no entry", line)
		}
		c.payments++
		if err := do(e); err != nil {
			return c, fmt.Errorf("%s, line %d: %w", path, line, err)
		}
	}
}

// strictly decodes one line of JSON.
func strictly(line []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return ErrFile
	}
	return nil
}
