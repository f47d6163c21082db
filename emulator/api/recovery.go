package api

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"ekrona.example/emulator/engine"
	"ekrona.example/emulator/vm"
)

// recoveryClass is the hidden class of a Signature with message recovery: all of Signature, and
// javacard.security.SignatureMessageRecovery.
const recoveryClass = "javacard/security/SignatureWithRecovery"

const recoveryInterface = "javacard/security/SignatureMessageRecovery"

// describeRecovery is the class's description: what it has of its own, and what it refuses of
// Signature's.
func describeRecovery() vm.NativeClass {
	class := vm.NativeClass{Name: recoveryClass, Token: vm.NoToken, Super: signatureClass,
		Interfaces: []string{recoveryInterface}}
	for _, name := range slices.Sorted(maps.Keys(recoveryNatives())) {
		method, descriptor := splitMethod(strings.TrimPrefix(name, recoveryClass+"."))
		class.Methods = append(class.Methods,
			vm.NativeMethod{Name: method, Descriptor: descriptor, Token: vm.NoToken})
	}
	return class
}

// recoveryNatives are the functions of the hidden class.
func recoveryNatives() map[string]vm.Native {
	return bind(recoveryClass, map[string]vm.Native{
		"init(Ljavacard/security/Key;B[BSS)V": illegalUse,
		"sign([BSS[BS)S":                      illegalUse,
		"verify([BSS[BSS)Z":                   illegalUse,
		"beginVerify([BSS)S":                  beginVerify,
		"sign([BSS[BS[SS)S": func(c *vm.Call) vm.Value {
			spec, key := signatureOf(c), requireInit(c, modeSign)
			// the room is checked before anything is taken in
			c.Bytes(c.Ref(3), int(c.Short(4)), signatureLength(c, spec))
			c.Element(c.Ref(5), int(c.Short(6)))
			feedRecoverable(c, spec, key)
			message := endRecoverable(c, spec, key)
			signed := putSignature(c, signRecoverable(c, spec, key, message))
			c.SetElement(c.Ref(5), int(c.Short(6)), vm.ShortValue(int16(len(message.First))))
			return signed
		},
		"verify([BSS)Z": func(c *vm.Call) vm.Value {
			spec, key := signatureOf(c), requireInit(c, modeVerify)
			feedRecoverable(c, spec, key)
			inProgress := recoverableOf(c, spec)
			length, begun := inProgress.length, inProgress.begun
			digest := endRecoverable(c, spec, key).Digest
			return vm.BoolValue(bytes.Equal(digest, begun.Digest) &&
				(!begun.Whole || length == len(begun.First)))
		},
	})
}

func illegalUse(c *vm.Call) vm.Value {
	throwCrypto(c, cryptoIllegalUse)
	return vm.Void
}

// recoverableInProgress is a message in parts of which the signature will hold the first bytes.
type recoverableInProgress struct {
	digesting
	first []byte // as many as there is room for
	begun *engine.RecoverableMessage
}

func recoverableOf(c *vm.Call, spec *signatureSpec) *recoverableInProgress {
	r, busy := c.Volatile(c.This()).(*recoverableInProgress)
	if !busy {
		r = &recoverableInProgress{digesting: digesting{Hash: spec.hash().New()}}
		c.SetVolatile(c.This(), r)
	}
	return r
}

// Copy implements [vm.Copier].
func (r *recoverableInProgress) Copy() (any, error) {
	digest, err := r.digesting.Copy()
	if err != nil {
		return nil, err
	}
	return &recoverableInProgress{*digest.(*digesting), slices.Clone(r.first), r.begun}, nil
}

func (r *recoverableInProgress) take(part []byte, capacity int) {
	r.Write(part)
	r.length += len(part)
	if room := capacity - len(r.first); room > 0 {
		r.first = append(r.first, part[:min(room, len(part))]...)
	}
}

// feedRecoverable takes in the bytes that arguments 0 to 2 name. What a signature does not hold
// of a message comes only after beginVerify has begun.
func feedRecoverable(c *vm.Call, spec *signatureSpec, key vm.Ref) {
	r := recoverableOf(c, spec)
	if spec.padding == padISO9796MR && c.Field(c.This(), engineMode) == modeVerify &&
		r.begun == nil {
		throwCrypto(c, cryptoIllegalUse)
	}
	r.take(c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Short(2))), recoverableBytes(c, spec, key))
}

// recoverableBytes is how many bytes of a message a signature of the key holds.
func recoverableBytes(c *vm.Call, spec *signatureSpec, key vm.Ref) int {
	return engine.ISO9796Capacity(int(c.Field(key, keyBits))/8, spec.hash())
}

// endRecoverable returns what the signature holds of the whole message, and starts anew.
func endRecoverable(c *vm.Call, spec *signatureSpec, key vm.Ref) engine.RecoverableMessage {
	r := recoverableOf(c, spec)
	message := engine.RecoverableMessage{First: r.first, Whole: r.length <= len(r.first)}
	message.Digest = r.finish(c, spec.hash(), nil)
	c.SetVolatile(c.This(), nil)
	return message
}

func signRecoverable(
	c *vm.Call, spec *signatureSpec, key vm.Ref, message engine.RecoverableMessage,
) []byte {
	private, isPrivate := parsed(c, key).(*engine.RSAPrivateKey)
	if !isPrivate { // power was cut between the two writes of init
		throwCrypto(c, cryptoInvalidInit)
	}
	count(c, KindRSAPrivate, int(c.Field(key, keyBits)))
	signature, err := private.SignISO9796(spec.hash(), message)
	if err != nil {
		throwCrypto(c, cryptoIllegalUse)
	}
	return signature
}

// recovered is what a signature holds; an error if it is not formed as one.
func recovered(
	c *vm.Call, spec *signatureSpec, key vm.Ref, signature []byte,
) (engine.RecoverableMessage, error) {
	public, isPublic := parsed(c, key).(*engine.RSAPublicKey)
	if !isPublic { // power was cut between the two writes of init
		throwCrypto(c, cryptoInvalidInit)
	}
	count(c, KindRSAPublic, int(c.Field(key, keyBits)))
	return public.RecoverISO9796(spec.hash(), signature)
}

// checkRecoverable reports whether a signature is that of a message that came whole: its digest,
// and its first bytes.
func checkRecoverable(
	c *vm.Call, spec *signatureSpec, key vm.Ref, message engine.RecoverableMessage,
	signature []byte,
) bool {
	signed, err := recovered(c, spec, key, signature)
	return err == nil && bytes.Equal(signed.Digest, message.Digest) &&
		bytes.HasPrefix(message.First, signed.First) &&
		(!signed.Whole || message.Whole && len(signed.First) == len(message.First))
}

// beginVerify puts in place of a signature what it holds of the message, and begins its digest.
func beginVerify(c *vm.Call) vm.Value {
	spec, key := signatureOf(c), requireInit(c, 0)
	signature := c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Short(2)))
	if c.Field(c.This(), engineMode) != modeVerify {
		throwCrypto(c, cryptoIllegalUse)
	}
	c.SetVolatile(c.This(), nil)
	signed, err := recovered(c, spec, key, signature)
	if err != nil {
		throwCrypto(c, cryptoIllegalUse)
	}
	r := recoverableOf(c, spec)
	r.begun = &signed
	r.take(signed.First, 0)
	c.PutBytes(c.Ref(0), int(c.Short(1)), signed.First)
	return vm.ShortValue(int16(len(signed.First)))
}
