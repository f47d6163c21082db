// Package rehearsal plays an issuing on a virtual card before it is done on a real
// one, so that a person can read every command beforehand and nothing else is sent.
//
// [Rehearse] makes a [Plan]: what [personalization.Line] would send to a card in the
// state that a preflight found, one list of commands for each case that cannot be known
// without keys. [Plan.Guard] then wraps the real card and refuses a command
// whose class, instruction, parameters and length are not the next of any list that is
// still open. [Totals] count what recorders of package apdu saw of both.
//
// The rehearsal uses keys and certificates of its own making, of the same form: it
// needs no secret of the issuer, and no command of it would work on a real card.
// Lists are of whole commands: a reader that carries short APDUs only splits the long
// ones.
package rehearsal
