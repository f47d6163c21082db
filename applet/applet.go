// Package applet carries the Java Card applet: ekrona.cap, built from src by
// scripts/build-applet and committed with its manifest. The applet is the only
// place where card logic is written; this package only hands the file out.
package applet

import (
	"embed"
	"fmt"
	"strings"
)

// Lines is the table of its methods, lines, fields and variables, for package
// emulator/lines: the CAP file has no debug information.
//
//go:embed ekrona.cap.lines
var Lines []byte

// CAP is the applet's CAP file, as it is loaded onto a card.
//
//go:embed ekrona.cap
var CAP []byte

//go:embed src/main/java/ekrona/*.java
var sources embed.FS

// Source returns the lines of one of its source files, named without folders.
func Source(file string) ([]string, error) {
	content, err := sources.ReadFile("src/main/java/ekrona/" + file)
	if err != nil {
		return nil, fmt.Errorf("the applet has no source file %q", file)
	}
	return strings.Split(string(content), "\n"), nil
}
