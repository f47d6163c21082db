// Package remote carries the calls of a contract, such as those of packages notary and banking, as
// JSON between two processes: strictly parsed, and with errors that errors.Is and errors.As match
// on the far side as on the near one.
//
// It opens nothing and trusts nobody: the owner of a connection implements [Transport], and knows
// who is at its other end. Start at [Ask] for the caller's side and at [Server] for the other.
package remote
