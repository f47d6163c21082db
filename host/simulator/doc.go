// Package simulator is a world in one process under one seed: cards, phones, terminals, two
// intermediaries and the central bank, all of them the real code and the real CAP file, under every
// kind of fault. The seed determines the order of events, the clock, the randomness, every link and
// every write to a disk, so a seed replays exactly.
//
// Start at [Generate], which draws a [Scenario], and [Scenario.Run], which plays it: after every
// step an auditor that shares no arithmetic with the ledger checks the invariants (protocol §8); at
// the end the faults stop, everyone synchronises twice, and all must agree; what a phone started
// must end, and every card must still pay. [Scenario.Shrink] shortens one that failed, and
// [Simulate] plays many at once.
//
// step.go and fault.go list what can happen, world.go has the parties, and the other files their
// actions and faults. The auditor judges the world: a party may refuse in any step, but never
// answer another command (answer_checks.go). Attacks on a card are those of package applet/attack
// (attacker.go), those on phones, intermediaries and the notary of package host/attack.
package simulator
