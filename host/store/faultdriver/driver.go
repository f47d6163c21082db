// Package faultdriver is a database driver with faults: it wraps the driver of a database, and a
// [Plan] decides at each step whether it is done. Tests and the simulator use it to cut the power
// at a chosen step, to lose the answer of a commit and to fill the disk. It works with both of the
// store's databases. Start at [New], open with store.OpenOn, and give a plan to [Driver.Follow].
//
// A step is a statement, the start of a transaction, a commit, or the moment after a commit before
// the program learns of it. When the power is lost, no step is done until [Driver.Restore]; what
// was committed stays, and a transaction that was open is undone.
package faultdriver

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"ekrona.example/host/store"
)

// Errors of a step.
var (
	ErrPowerLost = errors.New("the power is lost") // and stays so until Restore
	ErrNoAnswer  = errors.New("the database has not answered")
	ErrDiskFull  = errors.New("the disk is full")
)

// Kind is the kind of a step.
type Kind byte

// The kinds of steps.
const (
	Statement Kind = iota + 1
	Begin
	Commit
	Committed // the commit is done, and the program does not know yet
)

// String returns the kind's name.
func (k Kind) String() string {
	names := []string{"", "statement", "begin", "commit", "committed"}
	if k == 0 || int(k) >= len(names) {
		return fmt.Sprintf("step of kind %d", byte(k))
	}
	return names[k]
}

// Step is one step of a database.
type Step struct {
	Kind  Kind
	Query string // of a statement
}

// Writes reports whether the step needs room on the disk: a commit, and a statement that does more
// than read.
func (s Step) Writes() bool {
	verb, _, _ := strings.Cut(strings.TrimSpace(s.Query), " ")
	reads := slices.Contains([]string{"SELECT", "PRAGMA", "SET", "LOCK"}, strings.ToUpper(verb))
	return s.Kind == Commit || s.Kind == Statement && !reads
}

// Plan decides the fault of a step: nil, and it is done; ErrPowerLost, and the driver's power is
// lost before it; any other error is returned in its place. A commit with an error is undone. The
// context is that of the step, for commits that of their begin. A driver without power calls its
// plan too, and fails whatever it returns. A plan may be called by several connections at a time,
// and may itself use the database.
type Plan func(ctx context.Context, s Step) error

// Driver is a driver with faults that wraps another one. It implements driver.Driver. It is safe
// for concurrent use.
type Driver struct {
	inner driver.Driver

	mu    sync.Mutex
	plan  Plan
	lost  bool
	steps []Kind
}

// New returns a driver that follows no plan yet. inner is the driver that it wraps; nil is that of
// the database that is opened.
func New(inner driver.Driver) *Driver { return &Driver{inner: inner} }

// Follow has the driver follow a plan from the next step on, and count anew. With a nil plan every
// step is done. Power that is lost stays lost.
func (d *Driver) Follow(p Plan) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.plan, d.steps = p, nil
}

// Cut cuts the power at once.
func (d *Driver) Cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lost = true
}

// Lost reports whether the power is lost.
func (d *Driver) Lost() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lost
}

// Restore restores the power. The plan and the count stay.
func (d *Driver) Restore() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lost = false
}

// Steps returns the steps since the last Follow, with the one at which the power was lost and
// without those after it.
func (d *Driver) Steps() []Kind {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.steps)
}

// check is called before each step.
func (d *Driver) check(ctx context.Context, s Step) error {
	d.mu.Lock()
	plan := d.plan
	if !d.lost {
		d.steps = append(d.steps, s.Kind)
	}
	d.mu.Unlock()
	var fault error
	if plan != nil {
		fault = plan(ctx, s) // without the lock: it may use the database
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lost = d.lost || errors.Is(fault, ErrPowerLost)
	if d.lost {
		return ErrPowerLost
	}
	return fault
}

// Open opens a connection. It implements driver.Driver.
func (d *Driver) Open(source string) (driver.Conn, error) {
	if d.Lost() {
		return nil, ErrPowerLost
	}
	inner := d.inner
	if inner == nil {
		inner = store.DriverOf(source)
	}
	opened, err := inner.Open(source)
	if err != nil {
		return nil, err
	}
	wrapped, err := store.Wrap(opened)
	if err != nil {
		return nil, err
	}
	return &conn{wrapped, d}, nil
}
