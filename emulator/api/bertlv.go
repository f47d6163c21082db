package api

import (
	"bytes"

	"ekrona.example/emulator/vm"
)

const (
	tlvClass            = tlvPackage + "BERTLV"
	primitiveTLVClass   = tlvPackage + "PrimitiveBERTLV"
	constructedTLVClass = tlvPackage + "ConstructedBERTLV"

	tlvLongForm = 0x80
	tlvMaxSize  = 32767
	tlvMaxDepth = 32
)

// Hidden fields of a BERTLV: the tag object, null while it is empty; the value of a
// primitive one in a byte array, the members of a constructed one in an array of
// references; and how much of the array is used. Arrays grow as needed.
const (
	tlvTagField = iota
	tlvContent
	tlvUsed
)

// tlvIn reads the TLV at the start of content: its tag and value, and its size.
func tlvIn(c *vm.Call, content []byte) (tag, value []byte, size int) {
	malformed := func() { c.Throw(tlvException, tlvMalformed) }
	if thrown := c.Try(func() { tag = tagIn(c, content) }); thrown != nil {
		malformed()
	}
	rest := content[len(tag):]
	if len(rest) == 0 {
		malformed()
	}
	n, length := 1, int(rest[0])
	if length >= tlvLongForm {
		n += length &^ tlvLongForm
		if n == 1 || n > 4 || len(rest) < n {
			malformed()
		}
		length = 0
		for _, b := range rest[1:n] {
			length = length<<8 | int(b)
		}
	}
	if length > tlvMaxSize || len(rest)-n < length {
		malformed()
	}
	return tag, rest[n : n+length], len(tag) + n + length
}

// appendTLV appends tag, length in its shortest form, and value.
func appendTLV(c *vm.Call, out, tag, value []byte) []byte {
	out = append(out, tag...)
	switch n := len(value); {
	case n > tlvMaxSize:
		c.Throw(tlvException, tlvSizeOver32767)
	case n < tlvLongForm:
		out = append(out, byte(n))
	case n <= 0xFF:
		out = append(out, tlvLongForm|1, byte(n))
	default:
		out = append(out, tlvLongForm|2, byte(n>>8), byte(n))
	}
	return append(out, value...)
}

// tlvBytes is the whole TLV that an object stands for.
func tlvBytes(c *vm.Call, tlv vm.Ref, depth int) []byte {
	tag := c.Field(tlv, tlvTagField).Ref()
	if tag == 0 {
		c.Throw(tlvException, tlvEmpty)
	}
	return appendTLV(c, nil, tagOf(c, tag), tlvValue(c, tlv, depth))
}

func tlvValue(c *vm.Call, tlv vm.Ref, depth int) []byte {
	if !c.InstanceOf(tlv, constructedTLVClass) {
		return bytes.Clone(c.Bytes(contentOf(c, tlv), 0, int(c.Field(tlv, tlvUsed))))
	}
	if depth >= tlvMaxDepth {
		c.Throw(tlvException, tlvNoStorage)
	}
	var value []byte
	for _, member := range members(c, tlv) {
		value = append(value, tlvBytes(c, member, depth+1)...)
	}
	return value
}

// contentOf returns the array of a TLV, which only a constructor gives it.
func contentOf(c *vm.Call, tlv vm.Ref) vm.Ref {
	content := c.Field(tlv, tlvContent).Ref()
	if content == 0 {
		notMade(c)
	}
	return content
}

func members(c *vm.Call, tlv vm.Ref) []vm.Ref {
	content, list := contentOf(c, tlv), []vm.Ref(nil)
	for i := range int(c.Field(tlv, tlvUsed)) {
		list = append(list, c.Element(content, i).Ref())
	}
	return list
}

// setMembers makes the members of a constructed TLV anew.
func setMembers(c *vm.Call, tlv vm.Ref, list []vm.Ref) {
	content := contentOf(c, tlv)
	if c.Length(content) < len(list) {
		content = c.NewRefArray(objectClass, len(list), vm.Persistent)
		c.SetField(tlv, tlvContent, vm.RefValue(content))
	}
	for i := range c.Length(content) {
		member := vm.Ref(0)
		if i < len(list) {
			member = list[i]
		}
		if c.Element(content, i).Ref() != member {
			c.SetElement(content, i, vm.RefValue(member))
		}
	}
	c.SetField(tlv, tlvUsed, vm.Value(len(list)))
}

// setValue makes the value of a primitive TLV anew.
func setValue(c *vm.Call, tlv vm.Ref, value []byte) {
	value = bytes.Clone(value)
	content := contentOf(c, tlv)
	if c.Length(content) < len(value) {
		content = c.NewByteArray(len(value), vm.Persistent)
		c.SetField(tlv, tlvContent, vm.RefValue(content))
	}
	c.PutBytes(content, 0, value)
	c.SetField(tlv, tlvUsed, vm.Value(len(value)))
}

// newTLV makes the object of a TLV in bytes, and those of its members.
func newTLV(c *vm.Call, tag, value []byte, depth int) vm.Ref {
	tag, value = bytes.Clone(tag), bytes.Clone(value)
	if !isConstructed(tag) {
		tlv := c.NewObject(primitiveTLVClass)
		c.SetField(tlv, tlvContent, vm.RefValue(c.NewByteArray(len(value), vm.Persistent)))
		setValue(c, tlv, value)
		c.SetField(tlv, tlvTagField, vm.RefValue(newTag(c, tag)))
		return tlv
	}
	list := newMembers(c, value, depth)
	tlv := c.NewObject(constructedTLVClass)
	c.SetField(tlv, tlvContent, vm.RefValue(c.NewRefArray(objectClass, len(list), vm.Persistent)))
	setMembers(c, tlv, list)
	c.SetField(tlv, tlvTagField, vm.RefValue(newTag(c, tag)))
	return tlv
}

func newMembers(c *vm.Call, value []byte, depth int) []vm.Ref {
	if depth >= tlvMaxDepth {
		c.Throw(tlvException, tlvMalformed)
	}
	var list []vm.Ref
	for len(value) > 0 {
		tag, content, size := tlvIn(c, value)
		list = append(list, newTLV(c, tag, content, depth+1))
		value = value[size:]
	}
	return list
}

// checkMembers throws MALFORMED_TLV unless value is a series of TLVs all the way down.
func checkMembers(c *vm.Call, value []byte, depth int) {
	if depth >= tlvMaxDepth {
		c.Throw(tlvException, tlvMalformed)
	}
	for len(value) > 0 {
		tag, content, size := tlvIn(c, value)
		if isConstructed(tag) {
			checkMembers(c, content, depth+1)
		}
		value = value[size:]
	}
}

// wholeTLV reads the one TLV that arguments 0 to 2 name, with nothing behind it.
func wholeTLV(c *vm.Call) (tag, value []byte) {
	content := bytes.Clone(stringIn(c, 0))
	tag, value, size := tlvIn(c, content)
	if size != len(content) {
		c.Throw(tlvException, tlvMalformed)
	}
	if isConstructed(tag) {
		checkMembers(c, value, 0)
	}
	return tag, value
}

// tlvSize is the size of the receiver as bytes, which init and append return.
func tlvSize(c *vm.Call) vm.Value { return vm.ShortValue(sizeAsShort(c, tlvBytes(c, c.This(), 0))) }

func sizeAsShort(c *vm.Call, whole []byte) int16 {
	if len(whole) > tlvMaxSize {
		c.Throw(tlvException, tlvSizeOver32767)
	}
	return int16(len(whole))
}

// tlvNatives are the functions of BERTLV and PrimitiveBERTLV.
func tlvNatives() map[string]vm.Native {
	at := func(c *vm.Call) ([]byte, []byte, int) {
		return tlvIn(c,
			tail(c, c.Ref(0), int(c.Short(1))))
	}
	all := bind(tlvClass, map[string]vm.Native{
		"<init>()V": nothing,
		"getInstance([BSS)Ljavacardx/framework/tlv/BERTLV;": func(c *vm.Call) vm.Value {
			tag, value := wholeTLV(c)
			return vm.RefValue(newTLV(c, tag, value, 0))
		},
		"verifyFormat([BSS)Z": func(c *vm.Call) vm.Value {
			stringIn(c, 0)
			return vm.BoolValue(wellFormed(c, func() { wholeTLV(c) }))
		},
		"getTag([BS[BS)S": func(c *vm.Call) vm.Value {
			tag, _, _ := at(c)
			tag = bytes.Clone(tag)
			c.PutBytes(c.Ref(2), int(c.Short(3)), tag)
			return vm.ShortValue(int16(len(tag)))
		},
		"getLength([BS)S": func(c *vm.Call) vm.Value {
			_, value, _ := at(c)
			return vm.ShortValue(int16(len(value)))
		},
		"toBytes([BS)S": func(c *vm.Call) vm.Value {
			whole := tlvBytes(c, c.This(), 0)
			c.PutBytes(c.Ref(0), int(c.Short(1)), whole)
			return vm.ShortValue(sizeAsShort(c, whole))
		},
		"getTag()Ljavacardx/framework/tlv/BERTag;": func(c *vm.Call) vm.Value {
			if c.Field(c.This(), tlvTagField) == 0 {
				c.Throw(tlvException, tlvEmpty)
			}
			return c.Field(c.This(), tlvTagField)
		},
		"getLength()S": func(c *vm.Call) vm.Value {
			tlvBytes(c, c.This(), 0)
			return vm.ShortValue(int16(len(tlvValue(c, c.This(), 0))))
		},
		"size()S": tlvSize,
	})
	for name, native := range bind(primitiveTLVClass, map[string]vm.Native{
		"<init>(S)V": func(c *vm.Call) vm.Value {
			if c.Short(0) < 0 {
				c.Throw(tlvException, tlvInvalidParam)
			}
			c.SetField(c.This(), tlvContent,
				vm.RefValue(c.NewByteArray(int(c.Short(0)), vm.Persistent)))
			return vm.Void
		},
		"init([BSS)S": func(c *vm.Call) vm.Value {
			tag, value := wholeTLV(c)
			if isConstructed(tag) {
				c.Throw(tlvException, tlvMalformed)
			}
			setValue(c, c.This(), value)
			c.SetField(c.This(), tlvTagField, vm.RefValue(newTag(c, tag)))
			return tlvSize(c)
		},
		"init(Ljavacardx/framework/tlv/PrimitiveBERTag;[BSS)S": func(c *vm.Call) vm.Value {
			tag := usableTag(c)
			setValue(c, c.This(), stringIn(c, 1))
			c.SetField(c.This(), tlvTagField, vm.RefValue(tag))
			return tlvSize(c)
		},
		"appendValue([BSS)S": func(c *vm.Call) vm.Value {
			tlvBytes(c, c.This(), 0)
			setValue(c, c.This(), append(tlvValue(c, c.This(), 0), stringIn(c, 0)...))
			return tlvSize(c)
		},
		"replaceValue([BSS)S": func(c *vm.Call) vm.Value {
			tlvBytes(c, c.This(), 0)
			setValue(c, c.This(), stringIn(c, 0))
			return tlvSize(c)
		},
		"getValue([BS)S": func(c *vm.Call) vm.Value {
			tlvBytes(c, c.This(), 0)
			return putString(c, 0, tlvValue(c, c.This(), 0))
		},
		"getValueOffset([BS)S": func(c *vm.Call) vm.Value {
			tag, value, size := at(c)
			if isConstructed(tag) {
				c.Throw(tlvException, tlvMalformed)
			}
			return vm.ShortValue(c.Short(1) + int16(size-len(value)))
		},
		"toBytes([BS[BSS[BS)S": func(c *vm.Call) vm.Value {
			tag := tagIn(c, tail(c, c.Ref(0), int(c.Short(1))))
			if isConstructed(tag) {
				c.Throw(tlvException, tlvMalformedTag)
			}
			return putString(c, 5, appendTLV(c, nil, tag, stringIn(c, 2)))
		},
		"appendValue([BS[BSS)S": func(c *vm.Call) vm.Value {
			tag, value, _ := at(c)
			if isConstructed(tag) {
				c.Throw(tlvException, tlvMalformed)
			}
			return putString(c, 0, appendTLV(c, nil, tag,
				append(bytes.Clone(value), stringIn(c, 2)...)))
		},
	}) {
		all[name] = native
	}
	return all
}

// usableTag returns the tag object in argument 0, which must not be empty.
func usableTag(c *vm.Call) vm.Ref {
	tag := c.Ref(0)
	c.CheckAccess(tag)
	tagOf(c, tag)
	return tag
}
