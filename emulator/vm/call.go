package vm

import "io"

// Call is one activation of a native: its arguments and everything it may ask of the
// machine. The runtime environment gets one too, from VM.Enter, and then acts in its
// own context, to which the firewall gives access everywhere.
//
// Methods that take a Ref throw the Java exception that bytecode would get:
// NullPointerException for a null reference, ArrayIndexOutOfBoundsException
// for a range outside the array, SecurityException where the firewall forbids
// the caller the access (JCRE 3.0.5 §6.2.8). Throwing does not return.
type Call struct {
	vm     *VM
	method *Method // nil for Go code of the runtime environment
	// arguments and locals, then operands: the window of VM.stack that this activation may touch
	stack  []int32
	code   []byte   // of a bytecode method
	base   int      // index in VM.stack of stack[0]
	floor  int      // first operand in stack
	sp     int      // first free operand in stack
	pc     int      // instruction that runs, or that waits for its callee
	next   int      // instruction to go on with
	active Instance // applet instance in whose context it runs
	ctx    Context  // firewall context of active
}

// VM returns the machine.
func (c *Call) VM() *VM { return c.vm }

// Arguments, counted from 0 without the receiver, by the method's descriptor.

// This returns the receiver of an instance method or constructor; not null.
func (c *Call) This() Ref { return Ref(c.stack[0]) }

// Short returns argument i, declared short or byte.
func (c *Call) Short(i int) int16 { return int16(c.cell(i)) }

// Byte returns argument i, declared byte.
func (c *Call) Byte(i int) int8 { return int8(c.cell(i)) }

// Bool returns argument i, declared boolean.
func (c *Call) Bool(i int) bool { return c.cell(i)&1 != 0 }

// Ref returns argument i, declared as a class, interface or array; may be null.
func (c *Call) Ref(i int) Ref { return Ref(c.cell(i)) }

// Int returns argument i, declared int.
func (c *Call) Int(i int) int32 {
	at := c.method.argCells[i]
	return joinInt(c.stack[at], c.stack[at+1])
}

func (c *Call) cell(i int) int32 { return c.stack[c.method.argCells[i]] }

// Exceptions.

// Throw throws the runtime environment's own instance of the named class, for
// instance "javacard/security/CryptoException", with a reason code (ignored by
// classes that have none, such as java/lang/SecurityException).
func (c *Call) Throw(class string, reason int16) { c.vm.throwNew(class, reason) }

// ThrowRef throws an existing Throwable.
func (c *Call) ThrowRef(r Ref) { c.vm.throwRef(r) }

// Fault stops the card: it goes mute until reset, as a card does on an attack.
func (c *Call) Fault(what string) { c.vm.fault(FaultNative, what) }

// Try runs fn and returns the Java exception that fn did not catch, or nil. Power cuts,
// card faults and internal errors pass through Try.
func (c *Call) Try(fn func()) *JavaException { return c.vm.try(fn) }

// Contexts (JCRE 3.0.5 §6.1).

// Active returns the applet instance in whose context the caller runs; 0 is
// the runtime environment.
func (c *Call) Active() Instance { return c.active }

// Previous returns the applet instance that was active before the last context
// switch of the caller, 0 if that was the runtime environment.
func (c *Call) Previous() Instance { return c.vm.previousInstance(c) }

// AsJCRE runs fn as the runtime environment, so that what fn invokes sees it
// as the previous context.
func (c *Call) AsJCRE(fn func(c *Call)) { c.vm.runAs(0, fn) }

// Calls into bytecode (or into another native).

// Invoke calls m, got from VM.Method or VM.InstallMethod. A virtual or
// interface method is dispatched on this, in the context of the owner of this;
// static methods and constructors run in the caller's context. Exceptions
// that it does not catch pass through the caller of Invoke unless within Try.
func (c *Call) Invoke(m *Method, this Ref, args ...Value) Value {
	return c.vm.invokeFromGo(c, m, this, args)
}

// InvokeAs calls the static method m in the context of an applet instance: how
// the runtime environment calls Applet.install.
func (c *Call) InvokeAs(as Instance, m *Method, args ...Value) Value {
	var result Value
	c.vm.runAs(as, func(inner *Call) { result = c.vm.invokeFromGo(inner, m, 0, args) })
	return result
}

// Objects.

// NewObject allocates an instance of a native class, with all fields zero and
// no constructor run, owned by the caller. Throws SystemException.NO_RESOURCE
// when persistent memory is full.
func (c *Call) NewObject(class string) Ref {
	return c.vm.newInstance(c.vm.classNamed(class), c.active, Persistent, 0)
}

// NewEngine is NewObject for a class whose instances take RAM by their algorithm
// (Config.EngineRAM): the caller sets its first hidden field to algorithm. Throws
// SystemException.NO_RESOURCE when RAM or persistent memory is full.
func (c *Call) NewEngine(class string, algorithm Value) Ref {
	return c.vm.newEngine(c.vm.classNamed(class), algorithm, c.active)
}

// NewJCREObject allocates an instance owned by the runtime environment: an entry point
// object, permanent or temporary (JCRE 3.0.5 §6.2.1). Its fields are in the given
// storage.
func (c *Call) NewJCREObject(class string, s Storage, f Flags) Ref {
	return c.vm.newInstance(c.vm.classNamed(class), 0, s, f)
}

// NewByteArray, NewArray and NewRefArray allocate arrays owned by the caller.
// Throws NegativeArraySizeException, SystemException NO_RESOURCE or
// NO_TRANSIENT_SPACE, and for ClearOnDeselect ILLEGAL_TRANSIENT when the
// caller's context is not the selected applet's.
func (c *Call) NewByteArray(n int, s Storage) Ref {
	return c.vm.newArray(ByteArray, nil, n, c.active, s, 0)
}

// NewArray allocates an array of a primitive kind.
func (c *Call) NewArray(kind Kind, n int, s Storage) Ref {
	return c.vm.newArray(kind, nil, n, c.active, s, 0)
}

// NewRefArray allocates an array of references to the named native class.
func (c *Call) NewRefArray(element string, n int, s Storage) Ref {
	return c.vm.newArray(RefArray, c.vm.classNamed(element), n, c.active, s, 0)
}

// NewJCREArray allocates an array owned by the runtime environment, for
// instance the APDU buffer with the flag GlobalArray.
func (c *Call) NewJCREArray(kind Kind, n int, s Storage, f Flags) Ref {
	return c.vm.newArray(kind, nil, n, 0, s, f)
}

// NewGlobalArray allocates an array in RAM that every context may access and no field
// or array may keep (JCRE 3.0.5 §6.2.2). It goes when the command ends. element is the
// native class of a RefArray's elements. Throws as NewByteArray does.
func (c *Call) NewGlobalArray(kind Kind, element string, n int) Ref {
	var class *Class
	if kind == RefArray {
		class = c.vm.classNamed(element)
	}
	return c.vm.newGlobalArray(kind, class, n)
}

// NewSensitiveArray allocates an array of the caller's whose content has an integrity
// control element (SensitiveArrays). element is as for NewGlobalArray.
func (c *Call) NewSensitiveArray(kind Kind, element string, n int, s Storage) Ref {
	var class *Class
	if kind == RefArray {
		class = c.vm.classNamed(element)
	}
	return c.vm.newArray(kind, class, n, c.active, s, Sensitive)
}

// IsSensitive reports whether r is an array of NewSensitiveArray.
func (c *Call) IsSensitive(r Ref) bool { return c.vm.object(r).flags&Sensitive != 0 }

// CheckIntegrity throws SecurityException if the content of r is not what was last
// written to it.
func (c *Call) CheckIntegrity(r Ref) { c.vm.checkIntegrity(c.vm.object(r)) }

// Clear sets all elements of an array to zero or null in one write, which belongs to a
// transaction in progress. It does not check the array's integrity.
func (c *Call) Clear(r Ref) { c.vm.clearArray(r, c.vm.accessibleArray(r, c.ctx)) }

// Delete frees an object that nothing refers to any more. Only for objects
// that a native allocated itself.
func (c *Call) Delete(r Ref) { c.vm.free(r) }

// NotNull throws NullPointerException for the null reference.
func (c *Call) NotNull(r Ref) { c.vm.object(r) }

// InstanceOf reports whether r is not null and of the named native class or
// interface.
func (c *Call) InstanceOf(r Ref, class string) bool {
	return r != 0 && c.vm.object(r).instanceOf(c.vm.classNamed(class))
}

// KindOf reports whether r is an instance or which kind of array.
func (c *Call) KindOf(r Ref) Kind { return c.vm.object(r).kind }

// StorageOf returns where the content of r is; the numbers are those of
// JCSystem.isTransient.
func (c *Call) StorageOf(r Ref) Storage { return c.vm.object(r).storage }

// OwnerOf returns the applet instance that owns r; 0 is the runtime environment.
func (c *Call) OwnerOf(r Ref) Instance { return c.vm.object(r).owner }

// CheckAccess throws SecurityException if the firewall forbids the caller r as an
// argument: an object of its own, an entry point object of the runtime environment
// or a global array passes (JCRE 3.0.5 §6.2.1, §6.2.2).
func (c *Call) CheckAccess(r Ref) {
	if o := c.vm.object(r); o.flags&EntryPoint == 0 {
		c.vm.checkAccess(o, c.ctx)
	}
}

// Context returns the firewall context in which the caller runs.
func (c *Call) Context() Context { return c.ctx }

// Arrays. Offsets and lengths are in elements.

// Length returns the number of elements of array r.
func (c *Call) Length(r Ref) int { return c.vm.accessibleArray(r, c.ctx).length() }

// Bytes returns the n elements from off of a byte or boolean array, for
// reading only and only until the native allocates, writes or invokes.
func (c *Call) Bytes(r Ref, off, n int) []byte {
	b := c.vm.bytesAt(c, r, off, n)
	if c.vm.probe.Read != nil {
		return c.vm.readBytes(r, off, n)
	}
	return b
}

// PutBytes writes data to a byte or boolean array: one atomic persistent write
// that belongs to a transaction in progress; or plain memory if transient.
func (c *Call) PutBytes(r Ref, off int, data []byte) {
	c.vm.bytesAt(c, r, off, len(data))
	c.vm.putBytes(r, off, data)
}

// PutBytesNonAtomic writes data outside any transaction, in pages of 64 bytes
// that are one persistent write each, so that a power cut may leave a prefix.
func (c *Call) PutBytesNonAtomic(r Ref, off int, data []byte) {
	c.vm.bytesAt(c, r, off, len(data))
	c.vm.putBytesNonAtomic(r, off, data)
}

// PutBytesOutside writes data in one persistent write outside any transaction:
// for state that an abort must not restore, such as a try counter.
func (c *Call) PutBytesOutside(r Ref, off int, data []byte) {
	c.vm.bytesAt(c, r, off, len(data))
	c.vm.putBytesOutside(r, off, data)
}

// CopyBytes copies n elements between byte or boolean arrays, which may be the
// same and overlap (Util.arrayCopy and arrayCopyNonAtomic).
func (c *Call) CopyBytes(src Ref, srcOff int, dst Ref, dstOff, n int, atomic bool) {
	c.vm.copyBytes(c, src, srcOff, dst, dstOff, n, atomic)
}

// Element returns element i of an array of any kind.
func (c *Call) Element(r Ref, i int) Value {
	o := c.vm.accessibleArray(r, c.ctx)
	c.vm.checkIndex(o, i)
	return Value(c.vm.element(r, o, i))
}

// SetElement stores one element into an array of any kind, as one write.
func (c *Call) SetElement(r Ref, i int, v Value) {
	o := c.vm.accessibleArray(r, c.ctx)
	c.vm.checkIndex(o, i)
	c.vm.putElement(r, o, i, int32(v))
}

// Hidden fields of native classes, by slot (see NativeClass.Fields). No
// firewall: the native decides.

// Field returns the integer or reference in a slot of r.
func (c *Call) Field(r Ref, slot int) Value {
	c.vm.slot(r, slot)
	return Value(c.vm.cell(r, c.vm.heap.objects[r], slot))
}

// SetField stores v in a slot of r: one persistent write that belongs to a
// transaction in progress, or plain memory if the object is transient.
func (c *Call) SetField(r Ref, slot int, v Value) {
	c.vm.slot(r, slot)
	c.vm.putCell(r, slot, int32(v))
}

// SetFieldOutside is SetField outside any transaction: an abort keeps it.
func (c *Call) SetFieldOutside(r Ref, slot int, v Value) {
	c.vm.slot(r, slot)
	c.vm.putCellOutside(r, slot, int32(v))
}

// Volatile returns what SetVolatile attached to r, nil after a reset.
func (c *Call) Volatile(r Ref) any {
	if state := c.vm.object(r).volatile; state != nil {
		return *state
	}
	return nil
}

// SetVolatile attaches a Go value to r: state of a computation in progress,
// which a card keeps in RAM. It is dropped at reset, by Save and with r, and is
// not followed by garbage collection, so it must hold no Ref. A pointer that a snapshot
// shall keep is a [Copier].
func (c *Call) SetVolatile(r Ref, state any) {
	o := c.vm.object(r)
	o.volatile = nil
	if state != nil {
		o.volatile = &state
	}
}

// Root returns a named reference that the runtime environment or a native
// keeps: part of the saved state and followed by garbage collection. 0 if unset.
func (c *Call) Root(name string) Ref { return c.vm.root(name) }

// SetRoot sets a named reference. Not a persistent write: the runtime
// environment sets roots when the card is made.
func (c *Call) SetRoot(name string, r Ref) { c.vm.setRoot(name, r) }

// Transactions (JCRE 3.0.5 §7). They throw TransactionException as JCSystem does.

// BeginTransaction starts a transaction.
func (c *Call) BeginTransaction() { c.vm.beginTransaction() }

// CommitTransaction makes the writes since BeginTransaction final in one write.
func (c *Call) CommitTransaction() { c.vm.commitTransaction() }

// AbortTransaction restores what was written since BeginTransaction, deletes
// the objects created since then and sets references to them to null.
func (c *Call) AbortTransaction() { c.vm.abortTransaction() }

// TransactionDepth is 1 in a transaction, else 0.
func (c *Call) TransactionDepth() int { return c.vm.transactionDepth() }

// CommitCapacity returns the size of the journal in bytes, and what is unused.
func (c *Call) CommitCapacity() (total, unused int) { return c.vm.commitCapacity() }

// AvailableMemory returns the free bytes of a kind of memory.
func (c *Call) AvailableMemory(s Storage) int { return c.vm.available(s) }

// RequestObjectDeletion has unreachable objects deleted when the command ends
// (the runtime environment then calls VM.CollectIfRequested).
func (c *Call) RequestObjectDeletion() { c.vm.gcRequested = true }

// Random returns the card's source of randomness.
func (c *Call) Random() io.Reader { return c.vm.cfg.Random }

// Work takes from what natives may do in one Enter the time that the caller's operation takes at
// most, in microseconds of a machine of today. An applet that does slow operations without end is
// ended so: its bytecodes alone, few for each, would last for days.
func (c *Call) Work(microseconds int) {
	if c.vm.effort -= microseconds; c.vm.effort < 0 {
		c.vm.fault(FaultBudget, "more slow operations than one command may do")
	}
}

// CountCrypto counts one cryptographic operation for the statistics: a kind
// such as "ecdsa-verify" and its size in bits for keys, in bytes for data.
func (c *Call) CountCrypto(kind string, size int) { c.vm.stats.countCrypto(kind, size) }
