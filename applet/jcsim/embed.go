// Package jcsim is the Maven project by which jCardSim runs the classes of an applet, ours or any
// other: package jcardsim builds and starts it.
package jcsim

import "embed"

// Project has its files, the applet's sources excepted.
//
//go:embed pom.xml src
var Project embed.FS
