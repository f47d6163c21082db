package service

import "syscall"

// openFiles returns how many files, connections among them, this process may have open; 0 where
// that is not known.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(min(limit.Cur, maxFiles))
}

// maxFiles is more than a process needs.
const maxFiles = 1 << 30
