package vm

// NoToken marks a native class or method that no CAP file can import: an
// implementation class behind an interface, or a method that only overrides
// or implements one that has its token elsewhere.
const NoToken = 0xFF

// NativePackage describes one API package (javacard.framework, ...) as its
// export file does (JCVM 3.0.5 §5). The tables are data: they may hold more
// than the Go functions bound in Config.Natives, and a CAP file that imports a
// method without a function is refused at load, by name.
type NativePackage struct {
	AID  []byte // 5 to 16 bytes
	Name string // with slashes: "javacard/framework"
	// highest version offered; an import of the same major and at most this minor links
	Major, Minor byte
	Absent       string // not empty if a CAP file must not import it: the reason, for messages
	Classes      []NativeClass
}

// NativeClass describes one class or interface of an API package. Order within the
// package does not matter; superclasses may be in another package of the same Config,
// whatever its position.
type NativeClass struct {
	Name  string // full name with slashes: "javacard/framework/Util"
	Token byte   // class token of the export file, or NoToken

	// an interface: Methods must list inherited interface methods too, as the export file does
	Interface bool
	Shareable bool // javacard/framework/Shareable and all that extend it (JCRE 3.0.5 §6.2.6)
	Abstract  bool // bytecode must not instantiate it; NewObject may

	// full name of the superclass; empty for java/lang/Object and for interfaces
	Super      string
	Interfaces []string // full names: implemented interfaces, or superinterfaces of an interface

	// Fields are hidden instance fields in which the natives keep every durable
	// state of an instance. They are numbered from 0 at the root of the class
	// chain: the first field of a class follows the last one of its superclass.
	// The slot is what Call.Field and its siblings take. A bytecode subclass
	// gets its own fields after them.
	Fields []NativeField

	Methods []NativeMethod
}

// NativeField is one hidden instance field.
type NativeField struct {
	Name string
	// holds a Ref, which garbage collection follows; otherwise an integer of up to 32 bits
	Ref bool
}

// NativeMethod describes one method. Its Go function is looked up in
// Config.Natives under Class.Name + "." + Name + Descriptor, for instance
// "javacard/framework/Util.arrayCopy([BS[BSS)S" or
// "javacard/framework/OwnerPIN.<init>(BB)V".
type NativeMethod struct {
	Name       string // "<init>" for a constructor
	Descriptor string // JVM form: "([BS[BSS)S"

	// Token: static methods and constructors share one numbering for each
	// class, virtual methods another one that continues the superclass's, and
	// an interface's methods are numbered from 0 (JCVM 3.0.5 §4.3.7). NoToken
	// for a virtual method means: the token of the method it overrides, or one
	// that no CAP file can name.
	Token byte

	Static   bool
	Abstract bool // needs no Go function; calling it without an override is a card fault
}

// Native is a Go function behind an API method. It runs in the context of the
// bytecode that called it. It returns the method's result (Void if none) and
// throws by Call.Throw, which does not return.
//
// A native must not keep c, or a slice got from c, after it returned; Go
// variables of the package must not hold state of a card. All durable state
// goes to fields and arrays in the heap; what a card would lose at reset may
// go to Call.SetVolatile.
type Native func(c *Call) Value

// Value is an argument or a result: a boolean (0 or 1), a byte, short or int
// (sign-extended), or a Ref.
type Value int32

// Void is the result of a method that returns nothing.
const Void Value = 0

// ShortValue returns s as a value; bytes are passed as shorts.
func ShortValue(s int16) Value { return Value(s) }

// IntValue returns i as a value for a parameter or result of type int.
func IntValue(i int32) Value { return Value(i) }

// RefValue returns r as a value.
func RefValue(r Ref) Value { return Value(r) }

// BoolValue returns b as a value.
func BoolValue(b bool) Value {
	if b {
		return 1
	}
	return 0
}

// Short returns the value as a Java short.
func (v Value) Short() int16 { return int16(v) }

// Int returns the value as a Java int.
func (v Value) Int() int32 { return int32(v) }

// Ref returns the value as a reference.
func (v Value) Ref() Ref { return Ref(v) }

// Bool returns the value as a Java boolean, by its lowest bit.
func (v Value) Bool() bool { return v&1 != 0 }
