// Package inspect shows what is inside a virtual card, for any applet: what memory a command
// changed and which line wrote it, all objects with their fields, what is left in RAM,
// bytecodes by method and line, and which instructions ran.
//
// Names come from the Debug component of a CAP file, or from a table of package lines; without
// either, objects and methods have numbers, and all else works.
//
// It trusts the machine that it looks into. What it shows holds whatever the card holds, keys
// and PINs too: a virtual card has no secrets from who has its file.
//
// Start at [NewNames], then [Take], [Recorder], [Profile] or [Coverage].
package inspect
