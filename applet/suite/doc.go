// Package suite is the APDU suite of the applet, written once against
// [apdu.Card] and run wherever the applet runs: on the emulator from the CAP
// file, on jCardSim from the classes, on a card in a reader over its security
// domain.
//
// [Check], as a test [Run], carries out every case on a [Target] and compares what it saw with
// the spec: a command's variant that never succeeded, or a status word that never came, fails the
// run, and so does any answer that is in no row. [RunTorn] cuts a target's power before every
// persistent write of every command of the payment flows. Both inspect the memory of a
// [MemoryInspector] after every command. [Cases] are the same, to be carried out one by one:
// package mutation has a [Runner] do it on changed CAP files. [Differential] takes one card on
// two targets through random lives and compares answers.
//
// What a card must refuse from an attacker is a value of package applet/attack, once; the
// suite makes a case of each (attacks.go).
//
// The suite holds the other side of every message itself: the authorities, the
// terminals and the other cards are software keys (see authority.go and device.go), and
// what the card must hold is computed here, in Go, from what was exchanged (see
// card_model.go). It trusts nothing that the card answers.
//
// Start at run.go; there is one file of cases for each command family.
package suite
