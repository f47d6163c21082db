// Package globalplatform manages the content of a card through its security domain:
// what is on it, loading, installing, deleting, and changing its keys, by the
// "GlobalPlatform Card Specification 2.3.1" (GPC) over SCP03 (package scp03).
//
// Start with [Open], which selects the security domain and opens a secure channel to
// it; one file for each thing that a [Client] does. What needs no key is beside it:
// [Select], [GetData], [Keys]. Each method is named after what it sends, and sends
// nothing else.
//
// A status word other than 9000 is returned as a gpc.Refusal, which names the command
// and says what to do. The card is trusted once the channel is open; before that,
// nothing in its answers leads to an attempt to authenticate.
package globalplatform
