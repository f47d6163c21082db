package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"ekrona.example/host/clock"
	"ekrona.example/host/lockfile"
)

// clockFile has how far the sandbox's clock is ahead of the system's. Nobody sets it but
// [Sandbox.Forward].
const clockFile = "clock.json"

// maxAhead is the most that a sandbox's clock is ahead, in days: longer than any certificate of a
// founding is valid, and less than a time.Duration holds.
const maxAhead = 100 * 365

// ahead is the content of clockFile.
type ahead struct {
	Days int `json:"days"`
}

// aheadClock is a clock that runs a fixed number of days ahead of another one.
type aheadClock struct {
	of   clock.Clock
	days int
}

// Now implements clock.Clock.
func (a aheadClock) Now() time.Time {
	return a.of.Now().Add(time.Duration(a.days) * 24 * time.Hour)
}

// readClock returns the clock of the sandbox in a folder: the system's, or ahead of it.
func readClock(folder string) (clock.Clock, error) {
	a, err := readAhead(folder)
	if err != nil || a.Days == 0 {
		return clock.System{}, err
	}
	return aheadClock{clock.System{}, a.Days}, nil
}

func readAhead(folder string) (a ahead, err error) {
	path := filepath.Join(folder, clockFile)
	if err := readJSON(path, &a); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return a, err
	}
	if a.Days < 0 || a.Days > maxAhead {
		return a, fmt.Errorf("%s: %d days: give 0 to %d", path, a.Days, maxAhead)
	}
	return a, nil
}

// Clock returns the clock by which every party of the sandbox goes.
func (s *Sandbox) Clock() clock.Clock { return s.options.Clock }

// Forward sets the clock of a sandbox forward by whole days, for every command that is given
// afterwards: the parties' clocks, not the computer's. No clock of a sandbox goes back, since the
// cards do not: they have seen the later date.
func Forward(folder string, days int) (err error) {
	if days < 0 {
		return fmt.Errorf("sandbox: %d days: the clock goes forward only", days)
	}
	release, err := lockfile.Take(filepath.Join(folder, lockName))
	if err != nil {
		return fmt.Errorf("sandbox %s: %w", folder, err)
	}
	defer func() { err = errors.Join(err, release()) }()
	a, err := readAhead(folder)
	if err != nil {
		return err
	}
	if days > maxAhead-a.Days {
		return fmt.Errorf("sandbox: the clock is %d days ahead: set it forward by at most %d more",
			a.Days, maxAhead-a.Days)
	}
	a.Days += days
	return writeJSON(filepath.Join(folder, clockFile), a)
}
