package api

import (
	"strings"

	"ekrona.example/emulator/vm"
)

const oneShotSuffix = "$OneShot"

// A OneShot is an engine that the runtime environment lends for one operation: one
// temporary entry point object for each class, kept under a root. While it is lent out
// its first hidden field after those of the engine holds the borrower's context; in
// RAM, so that a reset takes it back.
type oneShotClass struct {
	engine    string // the class that does the work
	fields    int    // hidden fields of it: the borrower's comes after
	natives   map[string]vm.Native
	open      string // descriptor
	algorithm vm.Native
	refused   []string // methods that are always ILLEGAL_USE
}

func oneShotClasses(product *Product) []oneShotClass {
	digest, random := digestNatives(product), randomNatives(product)
	return []oneShotClass{
		{"javacard/security/MessageDigest", 1, digest, "(B)",
			func(c *vm.Call) vm.Value { return vm.Value(offeredDigest(c, product)) },
			[]string{"update"}},
		{resumableDigestClass, 1, digest, "(B)",
			func(c *vm.Call) vm.Value { return vm.Value(resumableDigest(c, product)) },
			[]string{"update"}},
		{randomClass, 1, random, "(B)",
			func(c *vm.Call) vm.Value { return vm.Value(offeredRandom(c, product)) }, nil},
		{signatureClass, 3, signatureNatives(product), "(BBB)", func(c *vm.Call) vm.Value {
			if c.Byte(2) == padISO9796MR { // a OneShot has no SignatureMessageRecovery
				throwCrypto(c, cryptoNoSuchAlgorithm)
			}
			return offeredSignature(c, product, signatureByParts(c.Byte(0), c.Byte(1), c.Byte(2)))
		}, []string{"update"}},
		{cipherClass, 3, cipherNatives(product), "(BB)", func(c *vm.Call) vm.Value {
			index := cipherByParts(c.Byte(0), c.Byte(1))
			if index >= 0 && cipherSpecs[index].isAEAD() { // nor is it an AEADCipher
				throwCrypto(c, cryptoNoSuchAlgorithm)
			}
			return offeredCipher(c, product, index)
		}, []string{"update"}},
	}
}

// oneShotFields are the hidden fields of the OneShot classes.
func oneShotFields() map[string][]vm.NativeField {
	fields := map[string][]vm.NativeField{}
	for _, k := range oneShotClasses(&Product{}) {
		fields[k.class()] = []vm.NativeField{{Name: "borrower"}}
	}
	return fields
}

func (k *oneShotClass) class() string { return k.engine + oneShotSuffix }

// oneShotNatives are the functions of the OneShot classes: those of the engine, for the
// borrower alone.
func oneShotNatives(product *Product) map[string]vm.Native {
	all := map[string]vm.Native{}
	for _, k := range oneShotClasses(product) {
		for name, native := range k.natives {
			class, method, _ := strings.Cut(name, ".")
			methodName, _, _ := strings.Cut(method, "(")
			inherited := class == k.engine || class == "javacard/security/MessageDigest" &&
				k.engine == resumableDigestClass
			if !inherited || methodName == "<init>" || strings.HasPrefix(method, "get") &&
				strings.Contains(method, "nstance(") {
				continue
			}
			for _, refused := range k.refused {
				if methodName == refused {
					native = func(c *vm.Call) vm.Value {
						throwCrypto(c, cryptoIllegalUse)
						return vm.Void
					}
				}
			}
			all[k.class()+"."+method] = k.borrowed(native)
		}
		all[k.class()+".open"+k.open+"L"+k.class()+";"] = k.lend
		all[k.class()+".close()V"] = func(c *vm.Call) vm.Value {
			if k.isLent(c, c.This()) {
				k.takeBack(c, c.This())
			}
			return vm.Void
		}
	}
	return all
}

// lend is open: it is NO_RESOURCE while the one object of the class is lent out.
func (k *oneShotClass) lend(c *vm.Call) vm.Value {
	algorithm := k.algorithm(c)
	object := c.Root(k.class())
	if object == 0 {
		object = c.NewJCREObject(k.class(), vm.ClearOnReset, vm.EntryPoint|vm.Temporary)
		c.SetRoot(k.class(), object)
	}
	if c.Field(object, k.fields) != 0 {
		c.Throw(systemException, systemNoResource)
	}
	c.SetField(object, engineAlgorithm, algorithm)
	c.SetField(object, k.fields, vm.Value(c.Context())+1)
	return vm.RefValue(object)
}

// isLent reports whether the object is lent out, and throws SecurityException if to
// another context than the caller's.
func (k *oneShotClass) isLent(c *vm.Call, object vm.Ref) bool {
	borrower := c.Field(object, k.fields)
	if borrower != 0 && borrower != vm.Value(c.Context())+1 {
		c.Throw(securityException, 0)
	}
	return borrower != 0
}

// borrowed is a method of the engine for the borrower; for others it is ILLEGAL_USE.
func (k *oneShotClass) borrowed(native vm.Native) vm.Native {
	return func(c *vm.Call) vm.Value {
		if !k.isLent(c, c.This()) {
			throwCrypto(c, cryptoIllegalUse)
		}
		return native(c)
	}
}

func (k *oneShotClass) takeBack(c *vm.Call, object vm.Ref) {
	for slot := 0; slot <= k.fields; slot++ {
		c.SetField(object, slot, 0)
	}
	c.SetVolatile(object, nil)
}

// TakeBackOneShots ends all one-shot engines that are lent out, as the runtime
// environment does when an applet's entry point returns. To be called in its context.
func TakeBackOneShots(c *vm.Call) {
	for _, k := range lentClasses {
		if object := c.Root(k.class()); object != 0 && c.Field(object, k.fields) != 0 {
			k.takeBack(c, object)
		}
	}
}

var lentClasses = oneShotClasses(&Product{})
