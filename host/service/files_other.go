//go:build !linux

package service

// openFiles leaves it to the system how many files there are.
func openFiles() int { return 0 }
