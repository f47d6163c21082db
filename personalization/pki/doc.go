// Package pki keeps the keys and certificates of a party in a folder: the root of
// the central bank, its notary, and of each intermediary the CA, the instruction key
// and the unload desk; the keys of terminals too.
//
// Start with [Open]: it gives the folder of one party, in which each [Identity] is a
// private key and the card-verifiable certificate over it. The key is in a file
// (PKCS#8 in PEM, readable by its owner alone) or, where the file holds a reference,
// in a TPM or an HSM: package keys. Either way it is used through [crypto.Signer].
//
// The package trusts what package keys trusts.
package pki
