package api

import (
	"strings"

	"ekrona.example/emulator/vm"
)

const sensitiveResultClass = "javacardx/security/SensitiveResult"

// The stored result is in RAM, in a temporary object of the runtime environment: its
// kind, a number, and an object.
const (
	resultKind = iota
	resultNumber
	resultObject
)

// Kinds of stored result.
const (
	resultUnassigned = iota
	resultBoolean
	resultShort
	resultReference
)

// sensitiveMethods are the methods whose results are stored (Java Card API 3.0.5,
// SensitiveResult), by class.
var sensitiveMethods = map[string][]string{
	"javacard/framework/SensitiveArrays": {"isIntegritySensitive",
		"isIntegritySensitiveArraysSupported", "clearArray"},
	aidClass: {"equals", "partialEquals", "RIDEquals"},
	"javacard/framework/JCSystem": {"getAID", "lookupAID", "getPreviousContextAID",
		"getAppletShareableInterfaceObject"},
	ownerPINClass: {"getTriesRemaining", "check", "isValidated",
		"getValidatedFlag"},
	pinXClass: {"getTriesRemaining", "check", "isValidated",
		"getTryLimit"},
	predecrementClass: {"decrementTriesRemaining", "check"},
	"javacard/framework/Util": {"arrayCopy", "arrayCopyNonAtomic", "arrayFill",
		"arrayFillNonAtomic", "arrayCompare"},
	bigNumberClass:                    {"compareTo"},
	checksumClass:                     {"doFinal"},
	"javacard/security/MessageDigest": {"doFinal"},
	randomClass:                       {"getAlgorithm", "nextBytes"},
	signatureClass: {"sign", "signPreComputedHash", "verify",
		"verifyPreComputedHash"},
	cipherClass: {"doFinal", "update"},
}

// storeResults has the sensitive methods among the natives store their results.
func storeResults(all map[string]vm.Native) {
	for name, native := range all {
		class, method, _ := strings.Cut(name, ".")
		methodName, desc := splitMethod(method)
		for _, sensitive := range sensitiveMethods[strings.TrimSuffix(class, oneShotSuffix)] {
			if methodName == sensitive {
				all[name] = storing(native, desc[strings.IndexByte(desc, ')')+1:])
			}
		}
	}
}

// storing runs a native whose result is of a type, and stores it. An exception leaves
// nothing stored.
func storing(native vm.Native, result string) vm.Native {
	return func(c *vm.Call) vm.Value {
		store := resultStore(c)
		c.SetField(store, resultKind, resultUnassigned)
		value := native(c)
		switch result[0] {
		case 'Z':
			c.SetField(store, resultNumber, value&1)
			c.SetField(store, resultKind, resultBoolean)
		case 'B', 'S':
			c.SetField(store, resultNumber, vm.ShortValue(value.Short()))
			c.SetField(store, resultKind, resultShort)
		case 'L':
			c.SetField(store, resultObject, value)
			c.SetField(store, resultKind, resultReference)
		}
		return value
	}
}

func resultStore(c *vm.Call) vm.Ref {
	store := c.Root(sensitiveResultClass)
	if store == 0 {
		store = c.NewJCREObject(sensitiveResultClass, vm.ClearOnReset, vm.EntryPoint|vm.Temporary)
		c.SetRoot(sensitiveResultClass, store)
	}
	return store
}

// ForgetResult empties the stored result, as the runtime environment does before it
// calls an applet.
func ForgetResult(c *vm.Call) {
	if store := c.Root(sensitiveResultClass); store != 0 {
		c.SetField(store, resultKind, resultUnassigned)
		c.SetField(store, resultObject, 0)
	}
}

// sensitiveResultNatives are the functions of javacardx.security.SensitiveResult.
func sensitiveResultNatives() map[string]vm.Native {
	assert := func(kind vm.Value, holds func(c *vm.Call, stored vm.Value) bool) vm.Native {
		return func(c *vm.Call) vm.Value {
			store := resultStore(c)
			field := resultNumber
			if kind == resultReference {
				field = resultObject
			}
			if c.Field(store, resultKind) != kind || !holds(c, c.Field(store, field)) {
				c.Throw(securityException, 0)
			}
			return vm.Void
		}
	}
	number := func(holds func(stored int16) bool) vm.Native {
		return assert(resultShort, func(_ *vm.Call,
			stored vm.Value) bool {
			return holds(stored.Short())
		})
	}
	return bind(sensitiveResultClass, map[string]vm.Native{
		"assertEquals(Ljava/lang/Object;)V": assert(resultReference,
			func(c *vm.Call, stored vm.Value) bool { return stored.Ref() == c.Ref(0) }),
		"assertTrue()V": assert(resultBoolean,
			func(_ *vm.Call, stored vm.Value) bool { return stored.Bool() }),
		"assertFalse()V": assert(resultBoolean,
			func(_ *vm.Call, stored vm.Value) bool { return !stored.Bool() }),
		"assertNegative()V": number(func(stored int16) bool { return stored < 0 }),
		"assertPositive()V": number(func(stored int16) bool { return stored > 0 }),
		"assertZero()V":     number(func(stored int16) bool { return stored == 0 }),
		"assertEquals(S)V": assert(resultShort,
			func(c *vm.Call, stored vm.Value) bool { return stored.Short() == c.Short(0) }),
		"assertGreaterThan(S)V": assert(resultShort,
			func(c *vm.Call, stored vm.Value) bool { return stored.Short() > c.Short(0) }),
		"assertLessThan(S)V": assert(resultShort,
			func(c *vm.Call, stored vm.Value) bool { return stored.Short() < c.Short(0) }),
		"reset()V": func(c *vm.Call) vm.Value {
			ForgetResult(c)
			return vm.Void
		},
	})
}
