// Package service answers the calls of contracts over HTTPS: it identifies the caller, keeps to the
// limits, passes the call to the contract's [remote.Server], and renders every error as a problem
// document (RFC 9457) that names the rule. Package link is the caller's side.
//
// Start at [New] and [Service.Serve]. Which contracts a party answers, and to whom, is said by its
// [Endpoint] list; the OpenAPI document is made from the types of the same list ([Document]).
//
// Nothing that a caller sends is trusted before it is checked: who calls is read from the
// certificate in TLS or from the signature by a registered key, never from a body. A call that has
// begun is carried out to its end, also when its caller is gone: to cancel a transaction that
// commits would leave it open whether it was.
package service
