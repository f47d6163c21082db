// Package pki keeps the keys and certificates of a party in files: the root
// of the central bank, its notary, and of each intermediary the CA, the
// instruction key and the unload desk; the keys of terminals too.
//
// Start with [Open]: it gives the directory of one party, in which each
// [Identity] is a private key (PKCS#8 in PEM, readable by its owner alone) and
// the card-verifiable certificate over it. Every key is used through
// [crypto.Signer], so that a TPM or an HSM can take the place of the file.
//
// The package trusts the file system to keep what a completed rename wrote,
// and the reader of randomness to be unpredictable. It never prints a key.
package pki
