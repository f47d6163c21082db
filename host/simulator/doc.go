// Package simulator is a world in one process under one seed: cards, phones, terminals, two
// intermediaries and the central bank, all of them the real code and the real CAP
// file, while everything that can go wrong does. The order of events, the clock,
// the randomness, every link and every write to a disk are the seed's, so a seed
// replays exactly.
//
// Start at [Generate], which draws a [Scenario], and [Scenario.Run], which plays it:
// after every step an auditor that shares no arithmetic with the ledger looks at
// what must hold (protocol §8); at the end the faults stop, everyone synchronises
// twice, and all must agree; what a phone began must end, and every card must still
// pay. [Scenario.Shrink] makes a short story of one that failed, and [Simulate] plays
// many at once.
//
// step.go and fault.go say what can happen, world.go who lives there, and the
// other files what each party does and suffers. The world is judged by the auditor:
// what a party answers in a step may be a refusal at any time, but never what answers
// another question (told.go). Attacks on a card are those of package applet/attack
// (attacker.go), those on phones, intermediaries and the notary of package host/attack.
package simulator
