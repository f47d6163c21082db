// Package batch makes many cards, at several readers side by side, so that no power
// cut, pulled card or killed program leaves a card that nobody knows of.
//
// A [Job] names the cards to be made; [ReadJob] reads and checks all of it.
// A journal, in the job's folder, keeps what has been done; [Run] does the rest,
// card after card, as they are put into the readers.
//
// One card in order, with what a cut leaves at each step:
//
//  1. The card is asked for its serial ([Identify]); a new one is examined (package
//     preflight), and turned away if it cannot take the applet or carries one of
//     another order. Its security domain is opened, which shows that
//     the keys are the card's. Nothing is written.
//  2. An order is reserved for it: device id, token, PIN and PUK are drawn, sealed
//     and kept with the card's serial. Before this nothing has happened on the
//     card. A cut leaves an order that waits for this card, in any reader.
//  3. personalization.Line makes the card active; each stage is kept when it is
//     true on the card. A cut, a pulled card: the card, when inserted again, goes on
//     with its order, and each stage finds itself done or is done again.
//  4. The PIN letter is written when the device is registered, before the card is
//     active. A cut: it is written again.
//  5. The card is active, and the order's secrets are erased in the transaction that
//     records it. A cut before that: the card is asked, with its PIN, whether it is the
//     one.
//
// A card is recognised by its production data (CPLC), and where a product has none by
// its key diversification data. One that has neither is refused: after a cut nobody
// could distinguish it from another.
//
// The folder of a job, readable by its owner only: journal.db; journal.key, which
// seals the secrets in it; audit.log, see package auditlog; letters/, see package
// letter; lock. One process has a folder open at a time.
//
// The package trusts the machine that it runs on while it runs, and the disk to keep
// what was synced. It trusts cards as far as personalization.Line does. Start at
// [Run].
package batch
