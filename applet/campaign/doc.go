// Package campaign tries many variants of something on cases and keeps the verdicts: mutants
// of a CAP file on the cases of its suite, cuts of the power on a command, faults at a
// bytecode on a session.
//
// A [Variant] is tried on its cases in order until one decides. Workers share the variants
// out over the cores. Verdicts are written to a journal as they come, so that an
// interrupted campaign resumes from it; nothing else is needed to resume. The [Report]
// does not depend on workers, on time or on what was resumed. A finding that is known and
// accepted is written down with its reason ([Reasons]); one that is not, and a reason that
// is no longer needed, fail the report ([Report.Err]).
//
// It trusts the functions that try variants; a panic in one is a verdict of its own.
// The journal is checked line by line.
//
// Start with [Campaign].
package campaign
