// Package adapter is a debugger of virtual cards for editors, by the Debug Adapter Protocol
// (microsoft.github.io/debug-adapter-protocol): a script of package host/lab is played on a card
// with any applet, and the editor sets breaks in its Java sources and in the script, steps in,
// over, out and back, and looks at variables, fields and memory.
//
// The launch request names script and card as [Launch] has it. One client is served at a time, by
// [Serve]; a line of the script is one frame, below those of the applet's methods.
//
// It trusts the client, which names any file.
package adapter
