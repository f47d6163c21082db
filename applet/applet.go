// Package applet carries the Java Card applet: ekrona.cap, built from src by
// scripts/build-applet and committed with its manifest. The applet is the only
// place where card logic is written; this package only hands the file out.
package applet

import _ "embed"

// Lines is the table of its methods, lines, fields and variables, for package
// emulator/lines: the CAP file has no debug information.
//
//go:embed ekrona.cap.lines
var Lines []byte

// CAP is the applet's CAP file, as it is loaded onto a card.
//
//go:embed ekrona.cap
var CAP []byte
