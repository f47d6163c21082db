package cap

// Result is the kind of what a method returns.
type Result int

// The kinds.
const (
	ResultVoid Result = iota
	ResultCell        // boolean, byte, short or a reference
	ResultInt
)

// MethodType is what a caller must know about a method.
type MethodType struct {
	Args   int // cells of the arguments, without the receiver
	Result Result
}

// Nibbles of a type (JCVM 3.0.5 §6.14.2, table 6-17). After a reference to a class
// come four more that name the class.
const (
	nibbleVoid           = 0x1
	nibbleInt            = 0x5
	nibbleReference      = 0x6
	nibbleReferenceArray = 0xE
	nibblesOfClass       = 4
)

// MethodType returns the type that the Descriptor gives to a method constant;
// false if there is none or it is no method's.
func (d *Descriptor) MethodType(constant int) (t MethodType, ok bool) {
	if d == nil || constant < 0 || constant >= len(d.constantTypes) {
		return MethodType{}, false
	}
	types := d.constantTypes[constant]
	cells := 0 // of the last type, which is the result
	for i := 0; i < len(types); i++ {
		t.Args += cells
		t.Result, cells = ResultCell, 1
		switch types[i] {
		case nibbleVoid:
			t.Result, cells = ResultVoid, 0
		case nibbleInt:
			t.Result, cells = ResultInt, 2
		case nibbleReference, nibbleReferenceArray:
			i += nibblesOfClass
		}
	}
	return t, len(types) > 0
}

// nibbles unpacks the first count nibbles.
func nibbles(packed []byte, count int) []byte {
	if packed == nil {
		return nil
	}
	unpacked := make([]byte, 0, 2*len(packed))
	for _, b := range packed {
		unpacked = append(unpacked, b>>4, b&0x0F)
	}
	return unpacked[:count]
}
