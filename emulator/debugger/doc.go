// Package debugger stops a virtual card within a command, for any applet: at a method, a line, a
// command, a write to a field, an exception; steps in, over, out and back; and shows frames, local
// variables, operands and fields by name.
//
// A command runs on a goroutine of its own, which stands still while it is stopped: the card may
// then be looked at and nothing else. Going back sets the card to how it was before the command
// and runs it again up to the place, which is exact when the card's randomness can be repeated
// ([card.SeededRandom]).
//
// While nothing is to be stopped at, the card has no probe and runs as fast as without a debugger.
//
// It trusts the card. Start at [New], [Debugger.Start] and [Debugger.Resume].
package debugger
