package api

import "ekrona.example/emulator/vm"

// nothing is the body of constructors and methods that do nothing.
func nothing(*vm.Call) vm.Value { return vm.Void }

const objectClass = "java/lang/Object"

// langNatives are the functions of java.lang.Object.
func langNatives() map[string]vm.Native {
	return map[string]vm.Native{
		"java/lang/Object.<init>()V": nothing,
		"java/lang/Object.equals(Ljava/lang/Object;)Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(c.This() == c.Ref(0))
		},
	}
}

// Hidden field of CardException and CardRuntimeException: a CardException's and a
// CardRuntimeException's superclasses have none before it.
const exceptionReason = 0

// exceptionNatives are the functions of every Throwable in the table: constructors,
// throwIt, and the reason of those that have one.
func exceptionNatives(table *exportTable) map[string]vm.Native {
	supers := map[string]string{}
	for _, p := range table.packages {
		for _, class := range p.Classes {
			supers[class.Name] = class.Super
		}
	}
	extends := func(class, super string) bool {
		for ; class != ""; class = supers[class] {
			if class == super {
				return true
			}
		}
		return false
	}
	all := map[string]vm.Native{}
	for class := range supers {
		if !extends(class, "java/lang/Throwable") {
			continue
		}
		all[class+".<init>()V"] = nothing
		if extends(class, "javacard/framework/CardException") ||
			extends(class, "javacard/framework/CardRuntimeException") {
			all[class+".<init>(S)V"] = setReason
			all[class+".throwIt(S)V"] = func(c *vm.Call) vm.Value {
				c.Throw(class, c.Short(0))
				return vm.Void
			}
		}
	}
	for _, root := range []string{"javacard/framework/CardException",
		"javacard/framework/CardRuntimeException"} {
		all[root+".setReason(S)V"] = setReason
		all[root+".getReason()S"] = func(c *vm.Call) vm.Value {
			return c.Field(c.This(),
				exceptionReason)
		}
	}
	return all
}

func setReason(c *vm.Call) vm.Value {
	c.SetField(c.This(), exceptionReason, vm.ShortValue(c.Short(0)))
	return vm.Void
}

// Names of exceptions and their reasons, as the API's constants say.
const (
	systemException       = "javacard/framework/SystemException"
	systemIllegalValue    = 1
	systemIllegalAID      = 4
	systemNoResource      = 5
	systemIllegalUse      = 6
	securityException     = "java/lang/SecurityException"
	isoException          = "javacard/framework/ISOException"
	swFuncNotSupported    = 0x6A81
	arrayIndexException   = "java/lang/ArrayIndexOutOfBoundsException"
	pinException          = "javacard/framework/PINException"
	pinIllegalValue       = 1
	pinIllegalState       = 2
	apduException         = "javacard/framework/APDUException"
	apduIllegalUse        = 1
	apduBufferBounds      = 2
	apduBadLength         = 3
	cryptoException       = "javacard/security/CryptoException"
	cryptoIllegalValue    = 1
	cryptoUninitialized   = 2
	cryptoNoSuchAlgorithm = 3
	cryptoInvalidInit     = 4
	cryptoIllegalUse      = 5
)

// bind puts the name of their class before methods: "c()V" of "a/B" is "a/B.c()V".
func bind(class string, methods map[string]vm.Native) map[string]vm.Native {
	bound := make(map[string]vm.Native, len(methods))
	for name, function := range methods {
		bound[class+"."+name] = function
	}
	return bound
}
