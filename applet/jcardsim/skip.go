package jcardsim

import (
	"errors"
	"os"
	"testing"
)

// Required is the environment variable that scripts/test sets to "required", so
// that a machine without the tools fails there instead of skipping.
const Required = "EKRONA_JCARDSIM"

// SkipWithoutTools skips the test when err says that this machine has no JDK or
// no Maven, unless the environment requires them.
func SkipWithoutTools(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, ErrNoTools) && os.Getenv(Required) != "required" {
		t.Skip(err)
	}
}
