// Package glitch tries faults on an applet: every fault of every model (emulator/fault) at every
// bytecode that a command executes, for each command of the APDU suite's cases, refusals too, and
// judges what an attacker gains.
//
// The oracle compares with the same command without a fault: what the card answered, what it has
// signed, what it holds afterwards (it is asked, after a reset and without faults), and what its
// session lets one do. A refusal, silence and a loss of the holder are no gains. Start at
// campaign.go; judge.go and compare.go say what counts as a gain.
//
//	go test ./applet/glitch -run TestGlitch -v -timeout 3h -glitch-case "" -glitch-sample 0
//
// tries everything. -glitch-sample N picks N faults of all, -glitch-case TEXT takes only the cases
// whose name contains TEXT, -glitch-cap FILE another build of the applet, with FILE.lines beside
// it, and its Java sources in -glitch-sources FOLDER, or in src/main/java/ekrona beside it.
package glitch
