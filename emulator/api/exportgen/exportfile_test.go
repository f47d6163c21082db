package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sample is an export file of format 2.3 with one class that has a constant, a static
// method and a virtual one, and one interface, laid out by hand from JCVM 3.0.5 §5.
func sample() []byte {
	var out bytes.Buffer
	u1 := func(values ...byte) { out.Write(values) }
	u2 := func(values ...uint16) {
		for _, v := range values {
			out.Write(binary.BigEndian.AppendUint16(nil, v))
		}
	}
	utf8 := func(text string) {
		u1(tagUTF8)
		u2(uint16(len(text)))
		out.WriteString(text)
	}
	out.Write(binary.BigEndian.AppendUint32(nil, exportMagic))
	u1(3, 2)
	u2(17)                   // constants
	utf8("a/b")              // 0
	utf8("a/b/C")            // 1
	utf8("a/b/I")            // 2
	utf8("java/lang/Object") // 3
	utf8("m")                // 4
	utf8("()V")              // 5
	utf8("LIMIT")            // 6
	utf8("B")                // 7
	utf8("ConstantValue")    // 8
	u1(tagInteger)           // 9
	out.Write([]byte{0xFF, 0xFF, 0xFF, 0xFE})
	for _, name := range []uint16{1, 2, 3} { // 10, 11, 12
		u1(tagClass)
		u2(name)
	}
	u1(tagPackage, 0) // 13
	u2(0)
	u1(4, 1, 5, 0xA0, 0, 0, 0, 1)
	utf8("n")         // 14
	utf8("java/lang") // 15
	u1(tagPackage, 1) // 16
	u2(15)
	u1(0, 1, 5, 0xA0, 0, 0, 0, 2)
	u2(13)
	u1(1) // referenced packages
	u2(16)
	u1(2) // classes

	u1(7)
	u2(0x0001, 10)
	u2(1, 12) // superclasses
	u1(1)     // interfaces
	u2(11)
	u2(1) // fields
	u1(0xFF)
	u2(0x0019, 6, 7, 1, 8)
	out.Write([]byte{0, 0, 0, 2})
	u2(9)
	u2(2) // methods
	u1(0)
	u2(0x0009, 4, 5)
	u1(1)
	u2(0x0001, 14, 5)
	u1(2)

	u1(8)
	u2(0x0601, 11)
	u2(1, 12)
	u1(0)
	u2(0)
	u2(0)
	u1(0)
	return out.Bytes()
}

func TestExportFileBecomesTable(t *testing.T) {
	p, err := parseExportFile(sample())
	require.NoError(t, err)
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	writePackage(w, p)
	require.NoError(t, w.Flush())
	assert.Equal(t, `package a/b A000000001 1.4
class 7 0001 a/b/C java/lang/Object a/b/I
const LIMIT B -2
method 0 0009 m ()V
method 1 0001 n ()V
class 8 0601 a/b/I -
`, out.String())
}

func TestDamagedExportFileIsRefused(t *testing.T) {
	whole := sample()
	for n := range whole {
		_, err := parseExportFile(whole[:n])
		assert.Error(t, err, "the first %d bytes", n)
	}
	_, err := parseExportFile(append(sample(), 0))
	assert.ErrorContains(t, err, "follow the last class")
	whole[4] = 4
	_, err = parseExportFile(whole)
	assert.ErrorContains(t, err, "format 2.4")
}
