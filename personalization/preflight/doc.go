// Package preflight looks at a card before any key is tried, and reports whether it can
// take the applet. It sends SELECT and GET DATA only, and INITIALIZE UPDATE if it is
// asked to, which costs no try of a key.
//
// Start at [Inspect]; the [Report] is a page for a person ([Report.Write]) and a value
// for a script. What a card does not report never stops anything; what it reports wrongly
// is reported.
package preflight
