// Package trace decodes the exchanges with a smart card: a [Decoder] turns commands,
// responses and whole exchanges into trees of [Node], and renderers turn trees into a
// readable conversation ([Text]) and into JSON for programs ([Exchange.MarshalJSON]).
//
// The package knows what every card has: the framing of ISO/IEC 7816-3 and 7816-4,
// BER-TLV, interindustry commands, status words and GlobalPlatform content management.
// What one application calls its commands and data objects is a [Vocabulary] that the
// Decoder is given; the e-krona applet's is package applet/vocabulary.
//
// PIN blocks, tokens, keys and cryptograms are masked: no renderer shows them. So is the
// data of a command that could hold one and does not parse, and of unknown commands.
// [Decoder.Secrets] is the same as a rule for [apdu.Recorder]; it remembers the command that a
// GET RESPONSE or the last part of a chain belongs to.
//
// Decoding never fails: what does not parse is marked as such and shown in hex. The
// leaves of a tree are all bytes of its message, in their order (fuzzed).
//
// Start at [Decoder.Exchange]; [Decoder.Sequence] joins chains and GET RESPONSE before.
package trace
