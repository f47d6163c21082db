// Package notary is the contract with the central bank: what it answers to an
// intermediary ([Participant]), to the central bank's own operator ([Operator]) and to
// everybody ([Public]). Package settlement implements it; this package opens nothing.
//
// Start at Participant. A synchronisation calls, in this order: Outstanding (what the device is
// owed), Submit (its records), OpenChallenge and SubmitState (is its balance what the records say),
// CoSign and Confirm (acknowledge, load). Register comes before; Refund comes after; Statement
// gives an intermediary all that moved; ReportLost and End are for devices that do not come back.
//
// The caller is authenticated when the link is made, and is not an argument: it decides who may
// register, load, refund out of its own holding and read, never whether money of others moves.
// Every call can be repeated: it finds what the first one did and answers the same. A refusal is an
// [*Error] with a [Kind]; any other error leaves the outcome of the call unknown, and the call is
// repeated.
//
// Each type is JSON as its tags say: ids, names and enums are text, amounts whole öre,
// bytes base64, hashes hex. [NewParticipant] and [ServeParticipant], and those of the
// other authorities, carry the calls over any link (package remote).
package notary
