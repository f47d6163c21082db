//go:build !pcsc

package pcsc

// Available reports whether this program was built with PC/SC.
const Available = false

func establish() (connection, error) { return nil, ErrUnavailable }
