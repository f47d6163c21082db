package api

import (
	"bytes"
	"slices"

	"ekrona.example/emulator/vm"
)

// constructedTLVNatives are the functions of ConstructedBERTLV.
func constructedTLVNatives() map[string]vm.Native {
	return bind(constructedTLVClass, map[string]vm.Native{
		"<init>(S)V": func(c *vm.Call) vm.Value {
			if c.Short(0) < 0 {
				c.Throw(tlvException, tlvInvalidParam)
			}
			c.SetField(c.This(), tlvContent,
				vm.RefValue(c.NewRefArray(objectClass, int(c.Short(0)), vm.Persistent)))
			return vm.Void
		},
		"init([BSS)S": func(c *vm.Call) vm.Value {
			tag, value := wholeTLV(c)
			if !isConstructed(tag) {
				c.Throw(tlvException, tlvMalformed)
			}
			setMembers(c, c.This(), newMembers(c, value, 0))
			c.SetField(c.This(), tlvTagField, vm.RefValue(newTag(c, tag)))
			return tlvSize(c)
		},
		"init(Ljavacardx/framework/tlv/ConstructedBERTag;Ljavacardx/framework/tlv/BERTLV;)S": func(c *vm.Call) vm.Value {
			tag, member := usableTag(c), newMember(c, c.Ref(1))
			setMembers(c, c.This(), []vm.Ref{member})
			c.SetField(c.This(), tlvTagField, vm.RefValue(tag))
			return tlvSize(c)
		},
		"init(Ljavacardx/framework/tlv/ConstructedBERTag;[BSS)S": func(c *vm.Call) vm.Value {
			tag, value := usableTag(c), bytes.Clone(stringIn(c, 1))
			checkMembers(c, value, 0)
			setMembers(c, c.This(), newMembers(c, value, 0))
			c.SetField(c.This(), tlvTagField, vm.RefValue(tag))
			return tlvSize(c)
		},
		"append(Ljavacardx/framework/tlv/BERTLV;)S": func(c *vm.Call) vm.Value {
			member := newMember(c, c.Ref(0))
			tlvBytes(c, c.This(), 0)
			setMembers(c, c.This(), append(members(c, c.This()), member))
			return tlvSize(c)
		},
		"delete(Ljavacardx/framework/tlv/BERTLV;S)S": func(c *vm.Call) vm.Value {
			list := members(c, c.This())
			i := occurrence(c, list, c.Ref(0), int(c.Short(1)))
			setMembers(c, c.This(), slices.Delete(list, i, i+1))
			return tlvSize(c)
		},
		"find(Ljavacardx/framework/tlv/BERTag;)Ljavacardx/framework/tlv/BERTLV;": func(c *vm.Call) vm.Value {
			return vm.RefValue(memberTagged(c, members(c, c.This()), c.Ref(0)))
		},
		"findNext(Ljavacardx/framework/tlv/BERTag;Ljavacardx/framework/tlv/BERTLV;S)Ljavacardx/framework/tlv/BERTLV;": func(c *vm.Call) vm.Value {
			list := members(c, c.This())
			i := occurrence(c, list, c.Ref(1), int(c.Short(2)))
			return vm.RefValue(memberTagged(c, list[i+1:], c.Ref(0)))
		},
		"append([BS[BS)S":    appendToArray,
		"find([BS[BS)S":      func(c *vm.Call) vm.Value { return findInArray(c, false) },
		"findNext([BSS[BS)S": func(c *vm.Call) vm.Value { return findInArray(c, true) },
	})
}

// newMember returns a TLV that may become a member of the receiver: not itself, and not
// one that contains it.
func newMember(c *vm.Call, member vm.Ref) vm.Ref {
	c.CheckAccess(member)
	if contains(c, member, c.This(), 0) {
		c.Throw(tlvException, tlvInvalidParam)
	}
	return member
}

func contains(c *vm.Call, tlv, wanted vm.Ref, depth int) bool {
	if tlv == wanted {
		return true
	}
	if depth >= tlvMaxDepth {
		c.Throw(tlvException, tlvNoStorage)
	}
	return c.InstanceOf(tlv, constructedTLVClass) &&
		slices.ContainsFunc(members(c, tlv), func(member vm.Ref) bool {
			return contains(c, member, wanted, depth+1)
		})
}

// occurrence returns where a TLV stands in a list for the n-th time, counted from 1.
func occurrence(c *vm.Call, list []vm.Ref, tlv vm.Ref, n int) int {
	c.NotNull(tlv)
	for i, member := range list {
		if member == tlv {
			if n--; n == 0 {
				return i
			}
		}
	}
	c.Throw(tlvException, tlvInvalidParam)
	return 0
}

// memberTagged returns the first of the list with a tag, or the first for null; 0 for
// none.
func memberTagged(c *vm.Call, list []vm.Ref, tag vm.Ref) vm.Ref {
	for _, member := range list {
		if tag == 0 || sameTag(c, tag, c.Field(member, tlvTagField).Ref()) {
			return member
		}
	}
	return 0
}

// appendToArray appends the TLV at arguments 0 and 1 to the constructed one at 2 and 3.
func appendToArray(c *vm.Call) vm.Value {
	from := tail(c, c.Ref(0), int(c.Short(1)))
	_, _, size := tlvIn(c, from)
	member := bytes.Clone(from[:size])
	tag, value, _ := tlvIn(c, tail(c, c.Ref(2), int(c.Short(3))))
	if !isConstructed(tag) {
		c.Throw(tlvException, tlvMalformed)
	}
	return putString(c, 2, appendTLV(c, nil, bytes.Clone(tag),
		append(bytes.Clone(value), member...)))
}

// findInArray returns the offset of the first member with a tag in the constructed TLV
// at arguments 0 and 1, or of the next one after the member that starts at argument 2;
// -1 for none. The tag is in the last two arguments; null stands for any.
func findInArray(c *vm.Call, next bool) vm.Value {
	off, tagAt := int(c.Short(1)), 2
	after := -1
	if next {
		after, tagAt = int(c.Short(2)), 3
	}
	tag, value, size := tlvIn(c, tail(c, c.Ref(0), off))
	if !isConstructed(tag) {
		c.Throw(tlvException, tlvMalformed)
	}
	var wanted []byte
	if c.Ref(tagAt) != 0 {
		wanted = tagIn(c, tail(c, c.Ref(tagAt), int(c.Short(tagAt+1))))
	}
	found := !next
	for at := off + size - len(value); len(value) > 0; {
		memberTag, _, memberSize := tlvIn(c, value)
		switch {
		case found && (wanted == nil || bytes.Equal(memberTag, wanted)):
			return vm.ShortValue(int16(at))
		case at == after:
			found = true
		}
		at, value = at+memberSize, value[memberSize:]
	}
	if !found {
		c.Throw(tlvException, tlvInvalidParam)
	}
	return vm.ShortValue(-1)
}
