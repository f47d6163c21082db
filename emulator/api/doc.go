// Package api is the Java Card API 3.0.5 and org.globalplatform 1.6 behind the virtual
// machine: the table of every class and method that a CAP file may import, and the Go
// functions that do the work.
//
// The table (exports.txt) is made by the command exportgen from the published export
// files and knows all packages. Functions are bound by name and descriptor. Remote
// method invocation (RMIService, CardRemoteObject) is known by name alone: a CAP file
// that calls it is refused when it is loaded.
//
// A [Product] lists the packages that a card has and the algorithms that it refuses
// though they are implemented here, and what its cryptographic objects take of transient
// memory ([ObjectRAM]); [P71] is JCOP 4 by published measurements. Biometry
// and external memory refuse every request on every card, as their API allows.
//
// All durable state of an API object is in heap fields and arrays of the object,
// written through the machine, so that transactions, power cuts and saving need nothing
// here. What a card keeps in RAM (a digest in progress, a parsed key) is attached to
// the object as a volatile value and may vanish at any reset.
//
// It trusts the virtual machine, the [Runtime], which is the card around it, and the
// [Manager], which serves applets through org.globalplatform. Arguments come from
// applets and are not trusted: an object is taken if it is the caller's own, an entry
// point object of the runtime environment or a global array (JCRE 3.0.5 §6.2).
//
// Where the API leaves a choice, or cards differ:
//   - A key pair over F(p) has no curve of its own: without parameters genKeyPair
//     throws ILLEGAL_VALUE.
//   - ECDSA signatures are deterministic (RFC 6979).
//   - ECDSA with ALG_NULL as digest signs what it is given, which must have the length
//     of a digest of the SHA family.
//   - Signature.init and Cipher.init write the key and the mode, if they change,
//     outside any transaction. The initial chaining value is in RAM: after a reset
//     it is zero, as it is after every message.
//   - Keys with a key cipher (KeyEncryption), RIPEMD-160, DSA, DH, Korean SEED and F(2^m) are
//     NO_SUCH_ALGORITHM.
//   - Signatures by ISO 9796 are those of ISO/IEC 9796-2 scheme 1 with the trailer BC: 6A before
//     a part of the message, 4B BB ... BA before all of it, 4A if it just fits.
//   - After doFinal, and after a reset, an AEADCipher has its key and its mode, and not what else
//     init gave it: GCM takes an initial chaining value of zeros, CCM wants another init
//     (INVALID_INIT). What a call refuses is not part of the message.
//   - A MAC without padding over no block at all is ILLEGAL_USE: it would need no key.
//   - Each OneShot class has one instance to lend; asking for a second is NO_RESOURCE.
//   - A global array of makeGlobalArray goes when the command ends.
//   - A key of buildKeyWithSharedDomain has a copy of the parameters.
//   - setATRHistBytes does nothing and returns false.
//   - A seed given to RandomData adds nothing to the card's own randomness.
//   - Before setIncomingAndReceive the buffer holds the header alone (APDU.getBuffer).
//     Applets written for cards that put short data there at once do not find them.
//
// Tried with public applets, built from the commit named. SmartPGP (56a0b25) makes
// keys and signs; FIDO2Applet (3bddc3d) makes a credential, on the P71's memory;
// PivApplet (5cb14a9) gives its data and challenges; JCMathLib (1cc9654) computes
// its example as configured for the P71; IsoApplet (4735d72), Satochip (8cbaa1d),
// Status Keycard (146c049) and Gauss Key Card (5555081) install and answer SELECT, as do 14 of the
// 16 applets of AppletPlayground (468ea76) that build; of the others one wants a curve over F(2^m),
// and one fails by a fault of its own.
//
// Start with [Packages] and [Natives], which the card gives to vm.New, and with
// [Runtime], which the card implements. exchange.go carries one command through
// the APDU class.
package api
