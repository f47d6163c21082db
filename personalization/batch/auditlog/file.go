package auditlog

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"ekrona.example/host/durable"
)

const ownerOnly = fs.FileMode(0o600)

// Torn is what a writer that was killed left of a line.
type Torn struct {
	Bytes int
	Hash  [sha256.Size]byte
}

// Mend makes a log's file if there is none, and removes what a writer that was
// killed has left of a last line. It returns the number of whole lines, the hash of
// the last, and what it removed, if anything: note that in the log.
func Mend(path string) (Head, *Torn, error) {
	content, err := durable.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Head{}, nil, create(path)
	}
	if err != nil {
		return Head{}, nil, fmt.Errorf("audit log: %w", err)
	}
	end := bytes.LastIndexByte(content, '\n') + 1
	head := Head{Number: bytes.Count(content[:end], []byte{'\n'})}
	if end > 0 {
		begin := bytes.LastIndexByte(content[:end-1], '\n') + 1
		head.Hash = sha256.Sum256(content[begin : end-1])
	}
	if end == len(content) {
		return head, nil, nil
	}
	torn := &Torn{Bytes: len(content) - end, Hash: sha256.Sum256(content[end:])}
	if err := truncate(path, int64(end)); err != nil {
		return Head{}, nil, fmt.Errorf("audit log: taking away half a line: %w", err)
	}
	return head, torn, nil
}

func create(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, ownerOnly)
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return errors.Join(fmt.Errorf("audit log: %w", err), file.Close())
	}
	return errors.Join(file.Close(), folder.Sync(), folder.Close())
}

func truncate(path string, size int64) error {
	file, err := os.OpenFile(path, os.O_WRONLY, ownerOnly)
	if err != nil {
		return err
	}
	return errors.Join(file.Truncate(size), file.Sync(), file.Close())
}

// Append adds lines at the end of a mended file, and syncs them before it
// returns.
func Append(path string, lines ...string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, ownerOnly)
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	var all bytes.Buffer
	for _, line := range lines {
		all.WriteString(line)
		all.WriteByte('\n')
	}
	_, err = io.Copy(file, &all)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("audit log: %w (is the disk full?)", err)
	}
	return nil
}
