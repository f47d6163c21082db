package gpc

import "errors"

// ErrMalformed tells that data does not have the layout that the specification
// gives it.
var ErrMalformed = errors.New("globalplatform: malformed data")
