package engine

import "errors"

// The ways in which an operation can be refused.
var (
	// ErrLength reports that an input has a length that the operation cannot take, such
	// as a message that is no whole number of blocks where nothing pads it.
	ErrLength = errors.New("engine: the input has a length that this operation cannot take")
	// ErrParameter reports that a key or a domain parameter is impossible.
	ErrParameter = errors.New("engine: the key or its parameters are not valid")
	// ErrPadding reports that deciphered data is not padded as the algorithm requires.
	ErrPadding = errors.New("engine: the padding is wrong")
)
