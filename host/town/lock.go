//go:build unix

package town

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock keeps other processes out of the town until Close. The system lets go of
// it when the process dies.
func (t *Town) lock() error {
	file, err := os.OpenFile(t.path("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("town: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		closed := file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("town: another program has %s open: wait until it ends", t.folder)
		}
		return errors.Join(fmt.Errorf("town: lock %s: %w", t.folder, err), closed)
	}
	t.closers = append(t.closers, file.Close)
	return nil
}
