// Package settlement is the central bank: the notary that gives every payment its one verdict, the registry of devices,
// and the settlement ledger in which issued e-krona lie at an intermediary (online), behind a device (shadow) or in the
// liquidity pool.
//
// Start at Notary. A synchronisation asks it, in this order: Outstanding (what the device is owed), Submit (its records),
// OpenChallenge and SubmitState (is its balance what the records say), CoSign and Confirm (acknowledge, load). Join, Register and
// Issue come before; Refund comes after; Statement tells an intermediary of all that moved; ReportLost, End and EndDue are for devices that do not
// come back. Answers and amounts are in api.go and enums.go, refusals in errors.go; queue.go decides what settles when.
//
// The argument from of the methods is the intermediary at the other end of the link, vouched for by whoever wires it. It decides
// who may register, load, refund out of its own holding and read, never whether money of others moves.
//
// It trusts its own database and its own two keys' certificates: the root's, under which intermediaries join, and nothing
// that an intermediary says. A payment counts because the payer's registered key signed it, an acceptance or a refusal because
// the payee's did, an Instruction because the device's own intermediary signed it and the money for it was there.
//
// Everything that moves money happens in one database transaction with the record or verdict that is the reason for it, so a
// crash leaves either both or neither, and every call can be repeated: it finds what the first one did and answers the same.
package settlement
