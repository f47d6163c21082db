// Package lab tries scripts on virtual cards with any applet: every command again for each of its
// writes with the power cut there ([Tear]), mutated commands from a seed ([Fuzz]), and which
// instructions and source lines a script reaches ([Cover]).
//
// A script is lines of package host/shell: APDUs in hex or by name, words such as install and
// reset, and what must be answered. What it is tried on is a [Subject], which makes as many equal
// cards as there are workers; each is deterministic, so that all results follow from script,
// subject and seed. What may be left by a cut is for the user to say: see [ParseRules].
//
// It trusts its input: a script names any file. Results show what the card holds, keys and PINs
// too.
package lab
