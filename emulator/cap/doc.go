// Package cap reads Java Card CAP files: the converted form of one Java
// package, as a zip archive or as the load file that a card receives.
//
// It follows "Java Card Virtual Machine Specification 3.0.5, Classic Edition"
// chapter 6 (JCVM), which also describes format 2.1. Every size is checked
// against what was declared, everything is consumed exactly, and an error says
// which component is wrong, where and how. Nothing in a file is trusted: a
// malformed one gives an error, never a panic, and memory stays in proportion
// to the file.
//
// What it does not check is the bytecode: emulator/vm does that when it links.
//
// Where to start: Parse and File in file.go; then one file for each component.
package cap
