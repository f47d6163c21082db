package api

import (
	"bytes"

	"ekrona.example/emulator/vm"
)

// The classes of javacardx.framework.tlv and the reasons of its exception.
const (
	tlvPackage          = "javacardx/framework/tlv/"
	tagClass            = tlvPackage + "BERTag"
	primitiveTagClass   = tlvPackage + "PrimitiveBERTag"
	constructedTagClass = tlvPackage + "ConstructedBERTag"

	tlvException         = tlvPackage + "TLVException"
	tlvInvalidParam      = 1
	tlvIllegalSize       = 2
	tlvEmptyTag          = 3
	tlvEmpty             = 4
	tlvMalformedTag      = 5
	tlvMalformed         = 6
	tlvNoStorage         = 7
	tlvNumberOver32767   = 9
	tlvSizeOver32767     = 10
	tlvTagConstructed    = 0x20
	tlvTagNumber         = 0x1F
	tlvMore              = 0x80
	tlvMaxTag            = 5 // bytes of the longest tag taken: numbers of 28 bits
	tlvMaxNumber         = 32767
	tlvClasses           = 4
	tlvTag               = 0 // hidden field of BERTag: its bytes, null while it is empty
	tlvBitsOfNumberBytes = 7
)

// tagIn reads the tag at the start of content. It throws MALFORMED_TAG, ILLEGAL_SIZE if
// it is too long, or ArrayIndexOutOfBoundsException if content ends within it.
func tagIn(c *vm.Call, content []byte) []byte {
	if len(content) == 0 {
		c.Throw(arrayIndexException, 0)
	}
	if content[0]&tlvTagNumber != tlvTagNumber {
		return content[:1]
	}
	for n := 1; ; n++ {
		switch {
		case n >= len(content):
			c.Throw(arrayIndexException, 0)
		case n == 1 && content[n] == tlvMore: // a number begins with no zero
			c.Throw(tlvException, tlvMalformedTag)
		case n >= tlvMaxTag:
			c.Throw(tlvException, tlvIllegalSize)
		case content[n]&tlvMore == 0:
			return content[:n+1]
		}
	}
}

// tail returns an array's content from an offset on.
func tail(c *vm.Call, array vm.Ref, off int) []byte {
	return c.Bytes(array, off, max(0, c.Length(array)-off))
}

func tagNumber(c *vm.Call, tag []byte) int16 {
	if len(tag) == 1 {
		return int16(tag[0] & tlvTagNumber)
	}
	number := 0
	for _, b := range tag[1:] {
		number = number<<tlvBitsOfNumberBytes | int(b&^tlvMore)
	}
	if number > tlvMaxNumber {
		c.Throw(tlvException, tlvNumberOver32767)
	}
	return int16(number)
}

func isConstructed(tag []byte) bool { return tag[0]&tlvTagConstructed != 0 }

// makeTag encodes a tag.
func makeTag(c *vm.Call, class int, constructed bool, number int) []byte {
	if class < 0 || class >= tlvClasses || number < 0 {
		c.Throw(tlvException, tlvInvalidParam)
	}
	first := byte(class << 6)
	if constructed {
		first |= tlvTagConstructed
	}
	if number < tlvTagNumber {
		return []byte{first | byte(number)}
	}
	rest := []byte{byte(number) &^ tlvMore}
	for number >>= tlvBitsOfNumberBytes; number > 0; number >>= tlvBitsOfNumberBytes {
		rest = append([]byte{byte(number) | tlvMore}, rest...)
	}
	return append([]byte{first | tlvTagNumber}, rest...)
}

// tagOf returns the bytes of a tag object, which must not be empty.
func tagOf(c *vm.Call, tag vm.Ref) []byte {
	content := c.Field(tag, tlvTag).Ref()
	if content == 0 {
		c.Throw(tlvException, tlvEmptyTag)
	}
	return c.Bytes(content, 0, c.Length(content))
}

// setTag gives a tag object of the caller's its bytes. Another length takes a new array.
func setTag(c *vm.Call, tag vm.Ref, content []byte) {
	content = bytes.Clone(content)
	array := c.Field(tag, tlvTag).Ref()
	if array == 0 || c.Length(array) != len(content) {
		array = c.NewByteArray(len(content), vm.Persistent)
		c.PutBytes(array, 0, content)
		c.SetField(tag, tlvTag, vm.RefValue(array))
		return
	}
	c.PutBytes(array, 0, content)
}

func newTag(c *vm.Call, content []byte) vm.Ref {
	class := primitiveTagClass
	if isConstructed(content) {
		class = constructedTagClass
	}
	content = bytes.Clone(content)
	tag := c.NewObject(class)
	setTag(c, tag, content)
	return tag
}

// tagNatives are the functions of the tag classes.
func tagNatives() map[string]vm.Native {
	own := func(c *vm.Call) []byte { return tagOf(c, c.This()) }
	given := func(c *vm.Call) []byte { return tagIn(c, tail(c, c.Ref(0), int(c.Short(1)))) }
	all := bind(tagClass, map[string]vm.Native{
		"<init>()V": nothing,
		"getInstance([BS)Ljavacardx/framework/tlv/BERTag;": func(c *vm.Call) vm.Value {
			return vm.RefValue(newTag(c, given(c)))
		},
		"toBytes(SZS[BS)S": func(c *vm.Call) vm.Value {
			tag := makeTag(c, int(c.Short(0)), c.Bool(1), int(c.Short(2)))
			c.PutBytes(c.Ref(3), int(c.Short(4)), tag)
			return vm.ShortValue(int16(len(tag)))
		},
		"size([BS)B": func(c *vm.Call) vm.Value { return vm.Value(len(given(c))) },
		"tagNumber([BS)S": func(c *vm.Call) vm.Value {
			return vm.ShortValue(tagNumber(c, given(c)))
		},
		"isConstructed([BS)Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(isConstructed(given(c)))
		},
		"tagClass([BS)B": func(c *vm.Call) vm.Value { return vm.Value(given(c)[0] >> 6) },
		"verifyFormat([BS)Z": func(c *vm.Call) vm.Value {
			tail(c, c.Ref(0), int(c.Short(1)))
			return vm.BoolValue(wellFormed(c, func() { given(c) }))
		},
		"size()B": func(c *vm.Call) vm.Value { return vm.Value(len(own(c))) },
		"tagNumber()S": func(c *vm.Call) vm.Value {
			return vm.ShortValue(tagNumber(c, own(c)))
		},
		"isConstructed()Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(isConstructed(own(c)))
		},
		"tagClass()B": func(c *vm.Call) vm.Value { return vm.Value(own(c)[0] >> 6) },
		"toBytes([BS)S": func(c *vm.Call) vm.Value {
			tag := bytes.Clone(own(c))
			c.PutBytes(c.Ref(0), int(c.Short(1)), tag)
			return vm.ShortValue(int16(len(tag)))
		},
		"equals(Ljavacardx/framework/tlv/BERTag;)Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(sameTag(c, c.This(), c.Ref(0)))
		},
		"equals(Ljava/lang/Object;)Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(c.InstanceOf(c.Ref(0), tagClass) && sameTag(c, c.This(), c.Ref(0)))
		},
	})
	for class, constructed := range map[string]bool{primitiveTagClass: false,
		constructedTagClass: true} {
		for name, native := range bind(class, map[string]vm.Native{
			"<init>()V": nothing,
			"init([BS)V": func(c *vm.Call) vm.Value {
				tag := given(c)
				if isConstructed(tag) != constructed {
					c.Throw(tlvException, tlvMalformedTag)
				}
				setTag(c, c.This(), tag)
				return vm.Void
			},
			"init(BS)V": func(c *vm.Call) vm.Value {
				setTag(c, c.This(), makeTag(c, int(c.Byte(0)), constructed, int(c.Short(1))))
				return vm.Void
			},
		}) {
			all[name] = native
		}
	}
	return all
}

// sameTag compares two tag objects without an exception; an empty one is equal to an
// empty one.
func sameTag(c *vm.Call, a, b vm.Ref) bool {
	if b == 0 {
		return false
	}
	c.CheckAccess(b)
	x, y := c.Field(a, tlvTag).Ref(), c.Field(b, tlvTag).Ref()
	if x == 0 || y == 0 {
		return x == y
	}
	return bytes.Equal(tagOf(c, a), tagOf(c, b))
}

// wellFormed reports whether fn throws nothing.
func wellFormed(c *vm.Call, fn func()) bool { return c.Try(fn) == nil }
