// Package verdict says of a card, in a reader or a virtual one, what it is, what it keeps of the
// standards and of the applet's spec, and how long it takes: one page to hand on, signed, and a
// value for programs. Start at [Run]; [Report.HTML] writes the page, [Sign] and [Verify] its
// signature.
//
// It sends nothing that changes what is stored on a card, unless its caller gives it a target for
// the applet's suite. A card that is lost ends the run; what was found before is in the report.
// Nothing that a card sends is trusted: it is shown, escaped.
package verdict
