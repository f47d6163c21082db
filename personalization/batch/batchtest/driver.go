package batchtest

import (
	"context"

	"ekrona.example/host/store/faultdriver"
)

// Driver is a journal's driver with a hook at every commit: before it, and after it before the
// program learns of it.
func (h Hook) Driver() *faultdriver.Driver {
	d := faultdriver.New(nil)
	d.Follow(func(_ context.Context, s faultdriver.Step) error {
		switch s.Kind {
		case faultdriver.Commit:
			return h("before a commit")
		case faultdriver.Committed:
			return h("after a commit")
		default:
			return nil
		}
	})
	return d
}
