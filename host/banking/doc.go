// Package banking is the contract with an intermediary: what it answers to the app on
// a customer's phone ([Wallet]), to a terminal ([Terminal]) and its owner ([Merchant]),
// to the bureau that issues its cards ([IssuerDesk]) and to its own staff ([Operator]).
// Package intermediary implements all of them; this package opens nothing.
//
// Every call can be repeated and gives the same answer. What is signed by a device or an app
// protects itself; who may ask the rest is settled when the link is made. An error is matched by a
// [Kind], by *order.Refused or order.ErrSignature, or by *notary.Error where the notary refused;
// any other error leaves the outcome of the call unknown.
//
// Each type is JSON as its tags say: ids, names and enums are text, amounts whole öre,
// bytes base64, hashes hex. [NewWallet] and [ServeWallet], and those of the others,
// carry the calls over any link (package remote).
package banking
