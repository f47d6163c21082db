// Package vm is a Java Card virtual machine: it loads CAP files and runs any
// applet in them, with the memory of a card (persistent writes through one
// door, a transaction journal, power cuts, transient memory) and the firewall
// between applets.
//
// It follows "Java Card Virtual Machine Specification 3.0.5" (JCVM) and
// "Java Card Runtime Environment Specification 3.0.5" (JCRE). It knows
// nothing of APDUs, cryptography or the javacard.* classes: those are native
// packages, described by tables and Go functions (native.go) and linked by LinkAPI.
//
// Machines of one program share what is the same on all of them: the linked API, the
// linked CAP files (image.go), and the content of arrays that nothing has been written to
// (shared.go). Only one goroutine at a time uses a machine; different ones may run at once.
//
// It trusts the native functions and the caller. It does not trust the CAP file and the
// bytecode in it. Malformed code ends as a CardFault, never as a Go panic; an error in
// our own Go ends as an InternalError.
//
// The life of a machine: LinkAPI and New; Load and InstallMethod for each CAP file; Enter for
// each command, in which Call.Invoke and Call.InvokeAs run the applet; Reset
// after a cut or fault; DeleteInstance, DeletePackage; between commands Save and Restore,
// which keep what a card keeps without power, or Snapshot and RestoreSnapshot, which set a
// machine back in microseconds, RAM and all.
//
// Where it differs from the specifications on purpose:
//   - JCVM §6.14, §7.1: bytecode is checked in shape when it is linked and for
//     bounds when it runs, not for types; that is the off-card verifier's work.
//     A value used as what it is not ends as a CardFault where it is noticed.
//   - JCRE §7.6.3: an abort sets references in memory to new objects to null; one
//     that is still in a local variable is a CardFault when used.
//   - JCRE §7.6: rolling back is one step that no power cut divides, since it can
//     be repeated until it is whole; it is not counted as a write.
//   - JCRE chapter 8: remote method invocation is read in a CAP file and ignored.
//
// Where to start: native.go and call.go (the seam to the API classes and the runtime
// environment), vm.go (the machine and its life), link.go (from CAP file to resolved
// package), interp.go (the loop), opcode.go (the instruction table), heap.go and nvm.go
// (memory), firewall.go, errors.go; probe.go (the one seam for all that observes or
// disturbs a machine).
package vm
