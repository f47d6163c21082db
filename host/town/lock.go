package town

import (
	"fmt"

	"ekrona/host/lockfile"
)

// lock keeps other processes out of the town until Close.
func (t *Town) lock() error {
	release, err := lockfile.Take(t.path("lock"))
	if err != nil {
		return fmt.Errorf("town %s: %w", t.folder, err)
	}
	t.closers = append(t.closers, release)
	return nil
}
