package shell

import (
	"slices"

	"ekrona.example/host/lab"
	"ekrona.example/host/shell"
)

// Words are the words of every shell: add here what other packages make.
func Words() []shell.Word { return slices.Concat(shell.Words(), lab.Words()) }
