package api

import "ekrona.example/emulator/vm"

// apiVersion is what JCSystem.getVersion returns unless the product has another answer:
// Java Card 3.0.5 as major, minor.
const apiVersion = 0x0305

// systemNatives are the functions of javacard.framework.JCSystem.
func systemNatives(product *Product) map[string]vm.Native {
	return bind("javacard/framework/JCSystem", map[string]vm.Native{
		"isTransient(Ljava/lang/Object;)B": func(c *vm.Call) vm.Value {
			if r := c.Ref(0); r != 0 && c.KindOf(r) != vm.InstanceObject {
				return vm.Value(c.StorageOf(r))
			}
			return vm.Void
		},
		"makeTransientBooleanArray(SB)[Z": func(c *vm.Call) vm.Value {
			return makeTransient(c,
				vm.BooleanArray)
		},
		"makeTransientByteArray(SB)[B": func(c *vm.Call) vm.Value {
			return makeTransient(c,
				vm.ByteArray)
		},
		"makeTransientShortArray(SB)[S": func(c *vm.Call) vm.Value {
			return makeTransient(c,
				vm.ShortArray)
		},
		"makeTransientObjectArray(SB)[Ljava/lang/Object;": func(c *vm.Call) vm.Value {
			return makeTransient(c, vm.RefArray)
		},
		"makeGlobalArray(BS)Ljava/lang/Object;": makeGlobal,
		"getVersion()S": func(*vm.Call) vm.Value {
			if version := product.Version; version != 0 {
				return vm.ShortValue(version)
			}
			return vm.ShortValue(apiVersion)
		},
		"beginTransaction()V": func(c *vm.Call) vm.Value {
			c.BeginTransaction()
			return vm.Void
		},
		"commitTransaction()V": func(c *vm.Call) vm.Value {
			c.CommitTransaction()
			return vm.Void
		},
		"abortTransaction()V": func(c *vm.Call) vm.Value {
			c.AbortTransaction()
			return vm.Void
		},
		"getTransactionDepth()B": func(c *vm.Call) vm.Value {
			return vm.Value(c.TransactionDepth())
		},
		"getMaxCommitCapacity()S": func(c *vm.Call) vm.Value {
			total, _ := c.CommitCapacity()
			return atMostShort(total)
		},
		"getUnusedCommitCapacity()S": func(c *vm.Call) vm.Value {
			_, unused := c.CommitCapacity()
			return atMostShort(unused)
		},
		"getAvailableMemory(B)S": func(c *vm.Call) vm.Value {
			return atMostShort(c.AvailableMemory(memoryType(c, c.Byte(0))))
		},
		"getAvailableMemory([SSB)V": func(c *vm.Call) vm.Value {
			free := c.AvailableMemory(memoryType(c, c.Byte(2)))
			off := int(c.Short(1))
			c.SetElement(c.Ref(0), off+1, vm.ShortValue(int16(free)))
			c.SetElement(c.Ref(0), off, vm.ShortValue(int16(free>>16)))
			return vm.Void
		},
		"isObjectDeletionSupported()Z": func(*vm.Call) vm.Value { return vm.BoolValue(true) },
		"requestObjectDeletion()V": func(c *vm.Call) vm.Value {
			c.RequestObjectDeletion()
			return vm.Void
		},
		"getAID()Ljavacard/framework/AID;": func(c *vm.Call) vm.Value {
			return vm.RefValue(runtimeOf(c).AIDOf(c, c.Active()))
		},
		"getPreviousContextAID()Ljavacard/framework/AID;": func(c *vm.Call) vm.Value {
			return vm.RefValue(runtimeOf(c).AIDOf(c, c.Previous()))
		},
		"lookupAID([BSB)Ljavacard/framework/AID;": func(c *vm.Call) vm.Value {
			aid := c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Byte(2)))
			return vm.RefValue(runtimeOf(c).LookupAID(c, aid))
		},
		"isAppletActive(Ljavacard/framework/AID;)Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(runtimeOf(c).IsActive(c, aidArgument(c)))
		},
		"getAssignedChannel()B": channel,
		"getAppletShareableInterfaceObject(Ljavacard/framework/AID;B)" +
			"Ljavacard/framework/Shareable;": func(c *vm.Call) vm.Value {
			return vm.RefValue(runtimeOf(c).ShareableObject(c, aidArgument(c), c.Byte(1)))
		},
	})
}

// makeTransient makes an array of argument 0 elements that is cleared at event 1.
func makeTransient(c *vm.Call, kind vm.Kind) vm.Value {
	event := vm.Storage(c.Byte(1))
	if event != vm.ClearOnReset && event != vm.ClearOnDeselect {
		c.Throw(systemException, systemIllegalValue)
	}
	if kind == vm.RefArray {
		return vm.RefValue(c.NewRefArray(objectClass, int(c.Short(0)), event))
	}
	return vm.RefValue(c.NewArray(kind, int(c.Short(0)), event))
}

// arrayKinds are the kinds of array by the constants ARRAY_TYPE_... of JCSystem.
var arrayKinds = map[int8]vm.Kind{
	1: vm.BooleanArray, 2: vm.ByteArray, 3: vm.ShortArray, 4: vm.IntArray, 5: vm.RefArray,
}

// arrayKind returns the kind of array that an ARRAY_TYPE_... constant names.
func arrayKind(c *vm.Call, code int8) vm.Kind {
	kind, known := arrayKinds[code]
	if !known {
		c.Throw(systemException, systemIllegalValue)
	}
	return kind
}

// makeGlobal makes an array of type 0 and length 1 for every context.
func makeGlobal(c *vm.Call) vm.Value {
	return vm.RefValue(c.NewGlobalArray(arrayKind(c, c.Byte(0)), objectClass, int(c.Short(1))))
}

// memoryType checks a memory type of getAvailableMemory: its numbers are the storages'.
func memoryType(c *vm.Call, code int8) vm.Storage {
	if code < int8(vm.Persistent) || code > int8(vm.ClearOnDeselect) {
		c.Throw(systemException, systemIllegalValue)
	}
	return vm.Storage(code)
}

func atMostShort(n int) vm.Value { return vm.ShortValue(int16(min(n, 32767))) }
