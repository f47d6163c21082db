// Package glitch tries faults on an applet: every fault of every model (emulator/fault) at every
// bytecode that a command executes, for each command of the APDU suite's cases, refusals too, or of
// a [Script] for any applet; and judges what an attacker gains. "ekrona lab glitch" is its command.
//
// The oracle of the suite compares with the same command without a fault: what the card answers,
// what it has signed, what it holds afterwards (it is asked, after a reset and without faults),
// what its session lets one do, and whether a command that follows in the case is carried out. A
// refusal, silence and a loss of the holder are no gains. A signature under something that a fault
// has garbled, where no check was passed over, is a gain that IsWeak. Start at campaign.go;
// judge.go, answers.go and compare.go say what counts.
//
// What the committed CAP file still has is in remaining.txt; the test takes a sample of one case.
// Everything, on all cores, going on from a journal after it was stopped:
//
//	go test ./applet/glitch -run TestGlitch -v -timeout 12h -glitch-case "" -glitch-sample 0 \
//		-glitch-pairs 1000000 -glitch-journal FILE -glitch-list FILE
//
// -glitch-sample N picks N faults of all, -glitch-case TEXT takes the cases whose name has TEXT
// in it, -glitch-models NAMES (or all) tries other models, -glitch-cap FILE another build of the
// applet, with FILE.lines beside it, and its Java sources in -glitch-sources FOLDER, or in
// src/main/java/ekrona beside it. -glitch-list writes the list of reasons that would be right.
//
// Commands that have to do with secrets must execute the same bytecodes whatever the secrets are:
// traces.go finds where two runs part, partings.txt says where they may; -trace-seeds N compares N
// worlds for each case.
package glitch
