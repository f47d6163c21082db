// Package batchtest is what tests of batches share: a bureau with a sandbox, a job and
// blank cards, a journal's driver, a registry and cards that can end the program at a
// chosen step, and the examination of what came of a job. It is for tests only;
// nothing of the product imports it.
//
// A [Hook] receives every step that a cut can fall between: before and after each
// command to a card and each commit of the journal. Start at [Bureau] and [Examine].
package batchtest

// Hook receives each step before it is made, and again after it, before anybody learns of
// it. An error stops the step, as for a program that was killed.
type Hook func(step string) error
