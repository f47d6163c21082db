// Package message is the signed messages of the protocol and what else cards and
// hosts exchange: Request, Payment, Receipt, Refusal, Challenge, State,
// Instruction, Confirmation, crisis order, the records of the log, policy, install parameters.
//
// The byte layouts are those of package spec; each Go struct only maps its members to
// the fields. Parsing is strict: exactly the fields, order and lengths of the layout,
// nothing before or after, and nothing is returned on an error; so whatever parses
// encodes back to the same bytes. A parsed message is well-formed and nothing more:
// call [Verify] before you trust it.
//
// Start at [Message]: [Sign], [Encode], [Parse], [Verify] and [Identity] handle all
// nine.
package message
