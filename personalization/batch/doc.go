// Package batch makes many cards, at several readers side by side, so that no power
// cut, pulled card or killed program leaves a card that nobody knows of.
//
// A [Job] says what cards there shall be; it is read and checked whole by [ReadJob].
// A [Journal], in the job's folder, keeps what has been done; [Run] does the rest,
// card after card, as they are put into the readers.
//
// One card in order, with what a cut leaves at each step:
//
//  1. The chip is asked who it is ([Identify]); a new one is looked at (package
//     preflight), and turned away if it cannot take the applet or carries one of
//     another order. Its card manager is opened, so that
//     the keys are known to be the card's. Nothing is written.
//  2. An order is reserved for it: device id, token, PIN and PUK are drawn, sealed
//     and kept with the chip's identity. Before this nothing has happened on the
//     card. A cut leaves an order that waits for this chip, in any reader.
//  3. personalization.Line brings the card to its end; each stage is kept when it is
//     true on the card. A cut, a pulled card: the chip, when it comes again, goes on
//     with its order, and each stage finds itself done or is done again.
//  4. The PIN letter is written when the device is registered, before the card is
//     active. A cut: it is written again.
//  5. The card is active, and the order's secrets are erased in the transaction that
//     says so. A cut before that: the card is asked, with its PIN, whether it is the
//     one.
//
// A chip is recognised by its production data (CPLC), and where a product has none by
// its key diversification data. One that tells neither is refused: after a cut nobody
// could tell it from another.
//
// The folder of a job, readable by its owner only: journal.db; journal.key, which
// seals the secrets in it; audit.log, see package auditlog; letters/, see package
// letter; lock. One process has a folder open at a time.
//
// The package trusts the machine that it runs on while it runs, and the disk to keep
// what was synced. It trusts cards as far as personalization.Line does. Start at
// [Run].
package batch
