// Package jcardsim runs the applet's classes in a Java virtual machine, on the API of
// jCardSim, and makes them an [apdu.Card].
//
// It is the second opinion of the APDU suite: the same applet sources, compiled by
// javac instead of the CAP converter, on an API implementation that shares no line with
// package emulator. Only tests and benchmarks use it. It does not replace a card:
// jCardSim undoes no transaction, has no firewall, and never sees the CAP file.
//
// Start with [Build], then [Start], then [Simulator.Install].
package jcardsim
