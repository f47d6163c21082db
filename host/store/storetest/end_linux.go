package storetest

import "syscall"

// endWithUs has the system end a server when the tests die.
func endWithUs(attributes *syscall.SysProcAttr) {
	attributes.Pdeathsig = syscall.SIGQUIT // to PostgreSQL: end at once
}
