// Package link carries the calls of the contracts over HTTPS: POST /v1/CONTRACT/CALL with the JSON
// of package remote, answered by 200 and JSON, or by a problem document (RFC 9457) that names the
// rule that was broken.
//
// It has what both sides agree on, and the caller's side: start at [New], which is a
// [remote.Transport]. Package service is the other side.
//
// The far side is trusted to be who its certificate says, over TLS 1.3 and no earlier version. A
// node of the network shows a certificate too. A phone or a terminal signs each request with the
// key that its intermediary has registered ([Signer]): the signature covers the intermediary's
// address, the call, the content, and a number that the intermediary drew and takes once
// (RFC 9421), so that no copy of a request is carried out.
package link
