package batchtest

import (
	"os"
	"testing"
)

// memory is a folder that is in memory on Linux.
const memory = "/dev/shm"

// InMemory puts the test's folders into memory, if the machine has such a folder. A program
// that is killed loses nothing that it wrote, wherever it wrote it; with a disk
// hundreds of runs of a program would wait for every sync.
func InMemory(t testing.TB) {
	t.Helper()
	if trial, err := os.MkdirTemp(memory, ""); err == nil && os.Remove(trial) == nil {
		t.Setenv("TMPDIR", memory)
	}
}
