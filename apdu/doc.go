// Package apdu is the conversation with any smart card: command and response APDUs,
// the status word as a typed error with what the standards say of it, and the one seam
// through which every card is reached.
//
// Start at [Card]. The emulator, a PC/SC reader, jCardSim, a recorder or a fault
// injector all implement its single method and can be stacked; [Recorder] is the one
// recorder, and hands each [Exchange] to a sink. [Framing] is the
// wrapper that gives callers whole messages on a card that offers short APDUs
// only. [StatusWords] is the table of status words.
//
// It knows no applet. The e-krona's commands are made from the rows of its spec
// (apdu/spec, Variant.APDU), so that no instruction byte is written by hand; the applet's
// client (applet/client) adds what a status word means to the applet.
//
// The package trusts nothing that it parses: [ParseCommand] and [ParseResponse]
// accept exactly the encodings of ISO/IEC 7816-3:2006 §12.1, and what they accept
// encodes back to the same bytes.
package apdu
