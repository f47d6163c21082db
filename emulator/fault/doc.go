// Package fault disturbs a card as a laboratory with a laser does: at one executed bytecode of a
// command, or at one byte that a native reads, it skips, inverts or replaces.
//
// An [Injector] is the probe of a card's machine ([Injector.Probe] in card.Options). It records
// what a command executes ([Injector.Record]); [Trace.Faults] lists every fault of some [Model]
// that the command can meet; [Injector.Arm] has the next command meet one, or several. Between
// them the card is set back by a snapshot, in microseconds. A fault has a stable name, such as
// skip#1242, which [Parse] reads. Any applet will do; what a fault gains is for others to judge.
//
// A model is one value in models.go; to add one, write it there.
package fault
