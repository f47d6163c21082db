// Package mutation tests the tests of the applet: it finds which instructions of the
// CAP file the APDU suite reaches on the emulator, and whether the suite fails when the
// CAP file is wrong.
//
// A mutant is the committed load file with one change of its bytecode: a condition
// inverted, a call dropped whose result nobody uses or that is a check, or a
// transaction dropped. The suite kills it when one of its cases fails. What no case
// reaches, and what no case kills, is written down with the reason in unreached.txt and
// survivors.txt; the tests fail when these lists are not exactly right.
//
// It trusts the emulator to run bytecode as it stands. Source lines come from the
// table beside the CAP file (package lines). Start at listing.go.
//
// The default test takes a sample of the mutants; all of them, on two cores:
//
//	go test ./applet/mutation -run TestMutants -mutants all -timeout 2h
//
// With -mutant-journal FILE a run of the same program that was stopped is resumed (see
// package campaign), with -mutant-report FILE the report is there as JSON too.
package mutation
