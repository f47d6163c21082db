// Package fault disturbs a card as a laboratory with a laser does: at one executed bytecode of a
// command, or at one byte that a native reads, it skips, inverts or replaces.
//
// [NewExperiment] sends a command to a card once, without a fault, and records what it executes;
// [Trace.Faults] lists every fault of some [Model] that the command can meet; [Experiment.Try]
// sends it again from the same state, set back by a snapshot in microseconds, and has it meet one
// fault, or several. A fault has a stable name, such as skip#1242, which [Parse] reads. Any applet
// will do; what a fault gains is for others to judge.
//
// A model is one value in models.go, or one of a family in families.go; to add one, write it there.
package fault
