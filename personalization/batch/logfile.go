package batch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"ekrona.example/host/durable"
	"ekrona.example/host/store"
	"ekrona.example/personalization/batch/auditlog"
)

// mendLog brings the audit log's file up to the journal, which has each line first:
// a program that was killed may have left the file without its last lines, or half a
// line. Both are logged. A file with anything else than the journal, or more, is
// refused.
func (j *journal) mendLog(ctx context.Context) error {
	inFile, torn, err := auditlog.Mend(j.path(logFile))
	if err != nil {
		return err
	}
	lines, err := logLines(ctx, j.db)
	if err != nil {
		return err
	}
	if inFile.Number > len(lines) {
		return setBack(j.folder, inFile.Number, len(lines))
	}
	if inFile.Number > 0 && sha256.Sum256([]byte(lines[inFile.Number-1])) != inFile.Hash {
		return fmt.Errorf("job folder %s: line %d of %s is not the one in the journal: the file "+
			"was changed: set it back to its copy, or move it away to have it written anew from "+
			"the journal",
			j.folder, inFile.Number, logFile)
	}
	missing := lines[inFile.Number:]
	if len(missing) > 0 {
		if err := auditlog.Append(j.path(logFile), missing...); err != nil {
			return err
		}
	}
	j.head = headOf(lines)
	if torn == nil && len(missing) == 0 {
		return nil
	}
	fields := map[string]string{"written": fmt.Sprint(len(missing))}
	if torn != nil {
		fields["torn_bytes"], fields["torn_sha256"] = fmt.Sprint(torn.Bytes),
			hex.EncodeToString(torn.Hash[:])
	}
	return j.write(ctx, func(w *writing) error { return w.log("mended", fields) })
}

// setBack says that a log has more lines than the journal, which has each line first.
func setBack(folder string, inFile, known int) error {
	return fmt.Errorf("job folder %s: %s has %d lines, the journal knows of %d: the journal was "+
		"set back to a backup and would issue cards twice: find the newer journal, or make the "+
		"rest of the cards in another job", folder, logFile, inFile, known)
}

// requireNoLog fails for a folder whose journal has no job: the log of one shows that the journal
// is gone.
func requireNoLog(folder string) error {
	content, err := durable.Read(filepath.Join(folder, logFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if n := bytes.Count(content, []byte{'\n'}); err == nil && n > 0 {
		err = setBack(folder, n, 0)
	}
	return err
}

func headOf(lines []string) auditlog.Head {
	if len(lines) == 0 {
		return auditlog.Head{}
	}
	return auditlog.Head{Number: len(lines), Hash: sha256.Sum256([]byte(lines[len(lines)-1]))}
}

func logLines(ctx context.Context, q store.Queryer) (lines []string, err error) {
	lines, err = store.Column[string](ctx, q, `SELECT line FROM log_line ORDER BY number`)
	if err != nil {
		err = fmt.Errorf("journal: %w", err)
	}
	return lines, err
}

// LogHead is the head that the audit log of a job's folder has by its journal.
func LogHead(ctx context.Context, folder string) (auditlog.Head, error) {
	db, err := openExisting(ctx, folder)
	if err != nil {
		return auditlog.Head{}, err
	}
	defer db.Close()
	lines, err := logLines(ctx, db)
	return headOf(lines), err
}
