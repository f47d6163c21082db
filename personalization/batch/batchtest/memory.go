package batchtest

import (
	"os"
	"testing"
)

// memory is a folder that lies in memory on Linux.
const memory = "/dev/shm"

// InMemory has the test's folders lie in memory, where the machine has such. A program
// that is killed loses nothing that it wrote, wherever it wrote it; a disk would make
// every sync of hundreds of lives of a program a wait.
func InMemory(t testing.TB) {
	t.Helper()
	if trial, err := os.MkdirTemp(memory, ""); err == nil && os.Remove(trial) == nil {
		t.Setenv("TMPDIR", memory)
	}
}
