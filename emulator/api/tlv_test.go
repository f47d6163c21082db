package api

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"

	"ekrona.example/emulator/vm"
)

// raw gives bytes in hex as the arguments array and offset.
func (b *bench) raw(content string) []vm.Value {
	return []vm.Value{vm.RefValue(b.hexArray(content)), 0}
}

func TestBERTags(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		for _, c := range []struct {
			content             string
			size, number, class int
			constructed         bool
		}{
			{"04", 1, 4, 0, false}, {"7E", 1, 30, 1, true}, {"9F1F", 2, 31, 2, false},
			{"FF8701", 3, 0x381, 3, true}, {"5F81FF7F", 4, 0x7FFF, 1, false},
		} {
			tag := b.call(tagClass, "getInstance([BS)Ljavacardx/framework/tlv/BERTag;", 0,
				b.raw(c.content)...).Ref()
			assert.EqualValues(t, c.size, b.call(tagClass, "size()B", tag), c.content)
			assert.EqualValues(t, c.size, b.call(tagClass, "size([BS)B", 0, b.raw(c.content)...),
				c.content)
			assert.EqualValues(t, c.number, b.call(tagClass, "tagNumber()S", tag), c.content)
			assert.EqualValues(t, c.class, b.call(tagClass, "tagClass()B", tag), c.content)
			assert.Equal(t, c.constructed, b.call(tagClass, "isConstructed()Z", tag).Bool(),
				c.content)
			out := b.array(make([]byte, 4))
			n := b.call(tagClass, "toBytes(SZS[BS)S", 0, vm.Value(c.class),
				vm.BoolValue(c.constructed), vm.Value(c.number), vm.RefValue(out), 0)
			want, _ := hex.DecodeString(c.content)
			assert.Equal(t, want, b.content(out, 0, int(n)), c.content)
			same := b.call(tagClass, "getInstance([BS)Ljavacardx/framework/tlv/BERTag;", 0,
				b.raw(c.content)...)
			assert.True(t, b.call(tagClass, "equals(Ljavacardx/framework/tlv/BERTag;)Z", tag,
				same).Bool())
		}
		valid := func(content string) bool {
			return b.call(tagClass, "verifyFormat([BS)Z", 0,
				b.raw(content)...).Bool()
		}
		assert.True(t, valid("1F20"))
		assert.False(t, valid("1F80") || valid("1F8001") || valid("1F"))
		b.throws(tlvException, tlvNumberOver32767,
			func() { b.call(tagClass, "tagNumber([BS)S", 0, b.raw("1F828000")...) })
		empty := b.c.NewObject(primitiveTagClass)
		b.throws(tlvException, tlvEmptyTag, func() { b.call(tagClass, "size()B", empty) })
		b.throws(tlvException, tlvMalformedTag,
			func() { b.call(primitiveTagClass, "init([BS)V", empty, b.raw("30")...) })
		b.throws(tlvException, tlvInvalidParam,
			func() { b.call(primitiveTagClass, "init(BS)V", empty, 4, 1) })
		b.call(primitiveTagClass, "init(BS)V", empty, 2, 31)
		assert.EqualValues(t, 2, b.call(tagClass, "size()B", empty))
	})
}

func TestBERTLVs(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		text := func(content string) []vm.Value {
			raw, _ := hex.DecodeString(content)
			return b.text(string(raw))
		}
		parse := func(content string) vm.Ref {
			return b.call(tlvClass, "getInstance([BSS)Ljavacardx/framework/tlv/BERTLV;", 0,
				text(content)...).Ref()
		}
		encoded := func(tlv vm.Ref) string {
			out := b.array(make([]byte, 400))
			n := b.call(tlvClass, "toBytes([BS)S", tlv, vm.RefValue(out), 0)
			assert.Equal(t, n, b.call(tlvClass, "size()S", tlv))
			return hex.EncodeToString(b.content(out, 0, int(n)))
		}
		find := func(in vm.Ref, tag string) vm.Ref {
			wanted := b.call(tagClass, "getInstance([BS)Ljavacardx/framework/tlv/BERTag;", 0,
				b.raw(tag)...)
			return b.call(constructedTLVClass,
				"find(Ljavacardx/framework/tlv/BERTag;)Ljavacardx/framework/tlv/BERTLV;", in,
				wanted).Ref()
		}
		const nested = "7f490b8101aa30028100810201ff"
		tree := parse(nested)
		assert.Equal(t, nested, encoded(tree))
		assert.EqualValues(t, 11, b.call(tlvClass, "getLength()S", tree))
		inner := find(tree, "30")
		assert.Equal(t, "30028100", encoded(inner))
		assert.Zero(t, find(tree, "82"))
		first := find(tree, "81")
		next := b.call(constructedTLVClass,
			"findNext(Ljavacardx/framework/tlv/BERTag;Ljavacardx/framework/tlv/BERTLV;S)Lja"+
				"vacardx/framework/tlv/BERTLV;",
			tree, vm.RefValue(b.call(tlvClass, "getTag()Ljavacardx/framework/tlv/BERTag;",
				first).Ref()), vm.RefValue(first), 1).Ref()
		assert.Equal(t, "810201ff", encoded(next))

		b.call(primitiveTLVClass, "appendValue([BSS)S", first, text("bbcc")...)
		assert.Equal(t, "7f490d8103aabbcc30028100810201ff", encoded(tree),
			"members are kept by reference")
		b.throws(tlvException, tlvInvalidParam, func() {
			b.call(constructedTLVClass, "append(Ljavacardx/framework/tlv/BERTLV;)S", inner,
				vm.RefValue(tree))
		})
		b.call(constructedTLVClass, "append(Ljavacardx/framework/tlv/BERTLV;)S", inner,
			vm.RefValue(next))
		assert.Equal(t, "30068100810201ff", encoded(inner))
		b.call(constructedTLVClass, "delete(Ljavacardx/framework/tlv/BERTLV;S)S", tree,
			vm.RefValue(inner), 1)
		assert.Equal(t, "7f49098103aabbcc810201ff", encoded(tree))
		b.throws(tlvException, tlvInvalidParam, func() {
			b.call(constructedTLVClass, "delete(Ljavacardx/framework/tlv/BERTLV;S)S", tree,
				vm.RefValue(inner), 1)
		})
		for _, content := range []string{"04", "0402aa", "0480", "048101", "30020405", "0401aa00",
			"1f8001"} {
			b.throws(tlvException, tlvMalformed, func() { parse(content) })
			assert.False(t, b.call(tlvClass, "verifyFormat([BSS)Z", 0, text(content)...).Bool(),
				content)
		}
		long := make([]byte, 300)
		plain := b.c.NewObject(primitiveTLVClass)
		b.call(primitiveTLVClass, "<init>(S)V", plain, 0)
		b.throws(tlvException, tlvEmpty, func() { b.call(tlvClass, "size()S", plain) })
		tag := b.call(tlvClass, "getTag()Ljavacardx/framework/tlv/BERTag;", first)
		size := b.call(primitiveTLVClass, "init(Ljavacardx/framework/tlv/PrimitiveBERTag;[BSS)S",
			plain, append([]vm.Value{tag}, b.text(string(long))...)...)
		assert.EqualValues(t, 304, size)
		assert.Equal(t, "8182012c", encoded(plain)[:8])

		array := b.array(make([]byte, 32))
		raw, _ := hex.DecodeString("300404020102")
		b.c.PutBytes(array, 2, raw)
		n := b.call(constructedTLVClass, "append([BS[BS)S", 0,
			append(b.raw("0401aa"), vm.RefValue(array), 2)...)
		assert.Equal(t, "3007040201020401aa", hex.EncodeToString(b.content(array, 2, int(n))))
		at := func(method string, arguments ...vm.Value) int {
			return int(b.call(constructedTLVClass, method, 0, arguments...).Short())
		}
		assert.Equal(t, 4, at("find([BS[BS)S",
			append([]vm.Value{vm.RefValue(array), 2}, b.raw("04")...)...))
		assert.Equal(t, 8, at("findNext([BSS[BS)S",
			append([]vm.Value{vm.RefValue(array), 2, 4}, b.raw("04")...)...))
		assert.Equal(t, -1, at("find([BS[BS)S",
			append([]vm.Value{vm.RefValue(array), 2}, b.raw("05")...)...))
		assert.EqualValues(t, 10, b.call(primitiveTLVClass, "getValueOffset([BS)S", 0,
			vm.RefValue(array), 8))
	})
}
