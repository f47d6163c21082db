// Package settlement is the central bank: the notary that gives every payment its one verdict, the
// registry of devices, and the settlement ledger in which issued e-krona are at an intermediary
// (online), behind a device (shadow) or in the liquidity pool.
//
// Its calls, answers and refusals are the contract in package notary: start there, then at Notary
// here. queue.go decides what settles when.
//
// It trusts its own database and its own two keys' certificates: the root's, under which
// intermediaries join, and nothing that an intermediary says. A payment counts because the payer's
// registered key signed it, an acceptance or a refusal because the payee's did, an Instruction
// because the device's own intermediary signed it and the money for it was there.
//
// Everything that moves money happens in one database transaction with the record or verdict that
// is the reason for it, so a crash leaves either both or neither, and every call can be repeated:
// it finds what the first one did and answers the same. Of a netting too large for that, parts.go
// moves what was decided as a whole wallet after wallet.
package settlement
