//go:build !pcsc

package pcsc

// Available tells whether this program was built with PC/SC.
const Available = false

func establish() (connection, error) { return nil, ErrUnavailable }
