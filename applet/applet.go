// Package applet carries the Java Card applet: ekrona.cap, built from src by
// scripts/build-applet and committed with its manifest. The applet is the only
// place where card logic is written; this package only hands the file out.
package applet

import _ "embed"

// CAP is the applet's CAP file, as it is loaded onto a card.
//
//go:embed ekrona.cap
var CAP []byte

// Lines are the source lines of CAP, as package emulator/lines reads them.
//
//go:embed ekrona.cap.lines
var Lines []byte
