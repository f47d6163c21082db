package api

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/vm"
)

// exchangeWith runs fn as an applet would run with a command.
func exchangeWith(
	t *testing.T, command Command, fn func(b *bench, x *Exchange, apdu, buffer vm.Ref),
) {
	b := newBench(t)
	b.run(func() {
		CreateAPDU(b.c, 261)
		x, apdu := BeginExchange(b.c, command)
		fn(b, x, apdu, b.call(apduClass, "getBuffer()[B", apdu).Ref())
		EndExchange(b.c)
		assert.Equal(t, make([]byte, 261), b.content(b.c.Root(rootBuffer), 0, 261),
			"nothing is left in the buffer")
	})
}

func numbered(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i)
	}
	return data
}

func TestHeaderInTheBuffer(t *testing.T) {
	for name, v := range map[string]struct {
		command Command
		tail    []byte // offsets 4 to 6
	}{
		"case 1":          {Command{}, []byte{0, 0, 0}},
		"case 2":          {Command{Ne: 16}, []byte{16, 0, 0}},
		"case 2, all":     {Command{Ne: 256}, []byte{0, 0, 0}},
		"case 3":          {Command{Data: numbered(3)}, []byte{3, 0, 0}},
		"case 4":          {Command{Data: numbered(255), Ne: 256}, []byte{255, 0, 0}},
		"extended case 2": {Command{Extended: true, Ne: 0x1234}, []byte{0, 0x12, 0x34}},
		"extended case 4": {Command{Extended: true, Data: numbered(300), Ne: 5}, []byte{0, 1, 44}},
	} {
		t.Run(name, func(t *testing.T) {
			v.command.Header = [4]byte{0x80, 0x10, 1, 2}
			exchangeWith(t, v.command, func(b *bench, _ *Exchange, _, buffer vm.Ref) {
				assert.Equal(t, append([]byte{0x80, 0x10, 1, 2}, v.tail...),
					b.content(buffer, 0, 7))
			})
		})
	}
}

func TestIncomingDataInParts(t *testing.T) {
	data := numbered(700)
	exchangeWith(t, Command{Extended: true, Data: data},
		func(b *bench, _ *Exchange, apdu, buffer vm.Ref) {
			b.throws(apduException, apduIllegalUse,
				func() { b.call(apduClass, "getIncomingLength()S", apdu) })
			b.throws(apduException, apduIllegalUse,
				func() { b.call(apduClass, "receiveBytes(S)S", apdu, 5) })
			n := int(b.call(apduClass, "setIncomingAndReceive()S", apdu))
			require.Equal(t, 261-7, n)
			assert.EqualValues(t, statePartialIncoming,
				b.call(apduClass, "getCurrentState()B", apdu))
			assert.EqualValues(t, 700, b.call(apduClass, "getIncomingLength()S", apdu))
			assert.EqualValues(t, 7, b.call(apduClass, "getOffsetCdata()S", apdu))
			received := b.content(buffer, 7, n)
			b.throws(apduException, apduBufferBounds,
				func() { b.call(apduClass, "receiveBytes(S)S", apdu, 20) })
			b.throws(apduException, apduBufferBounds,
				func() { b.call(apduClass, "receiveBytes(S)S", apdu, -1) })
			for n > 0 {
				n = int(b.call(apduClass, "receiveBytes(S)S", apdu, 0))
				received = append(received, b.content(buffer, 0, n)...)
			}
			assert.True(t, bytes.Equal(data, received))
			assert.EqualValues(t, stateFullIncoming, b.call(apduClass, "getCurrentState()B", apdu))
			b.throws(apduException, apduIllegalUse,
				func() { b.call(apduClass, "setIncomingAndReceive()S", apdu) })
		})
}

func TestOutgoingInParts(t *testing.T) {
	exchangeWith(t, Command{Ne: 256}, func(b *bench, x *Exchange, apdu, buffer vm.Ref) {
		state := func() vm.Value { return b.call(apduClass, "getCurrentState()B", apdu) }
		b.c.PutBytes(buffer, 0, numbered(100))
		send := func(off, n int) {
			b.call(apduClass, "sendBytes(SS)V", apdu, vm.Value(off),
				vm.Value(n))
		}
		length := func(n int) { b.call(apduClass, "setOutgoingLength(S)V", apdu, vm.Value(n)) }
		b.throws(apduException, apduIllegalUse, func() { length(5) })
		assert.EqualValues(t, 256, b.call(apduClass, "setOutgoing()S", apdu))
		assert.EqualValues(t, stateOutgoing, state())
		b.throws(apduException, apduIllegalUse,
			func() { b.call(apduClass, "setOutgoing()S", apdu) })
		b.throws(apduException, apduIllegalUse,
			func() { b.call(apduClass, "setIncomingAndReceive()S", apdu) })
		b.throws(apduException, apduIllegalUse, func() { send(0, 1) })
		b.throws(apduException, apduBadLength, func() { length(257) })
		b.throws(apduException, apduBadLength, func() { length(-1) })
		length(12)
		assert.EqualValues(t, stateOutgoingLengthKnown, state())
		send(1, 5)
		assert.EqualValues(t, statePartialOutgoing, state())
		b.c.PutBytes(buffer, 0, make([]byte, 100)) // what was sent is sent
		b.throws(apduException, apduBufferBounds, func() { send(260, 2) })
		b.throws(apduException, apduIllegalUse, func() { send(0, 8) })
		own := b.array(numbered(50))
		b.call(apduClass, "sendBytesLong([BSS)V", apdu, vm.RefValue(own), 20, 7)
		assert.EqualValues(t, stateFullOutgoing, state())
		assert.Equal(t, []byte{1, 2, 3, 4, 5, 20, 21, 22, 23, 24, 25, 26}, x.Response())
	})
}

func TestSetOutgoingAndSend(t *testing.T) {
	exchangeWith(t, Command{Data: []byte{9}, Ne: 256},
		func(b *bench, x *Exchange, apdu, buffer vm.Ref) {
			assert.EqualValues(t, 1, b.call(apduClass, "setIncomingAndReceive()S", apdu))
			b.call(apduClass, "setOutgoingAndSend(SS)V", apdu, 5, 1)
			assert.Equal(t, []byte{9}, x.Response())
			b.throws(apduException, apduIllegalUse,
				func() { b.call(apduClass, "sendBytes(SS)V", apdu, 0, 0) })
			b.throws(apduException, apduIllegalUse,
				func() { b.call(apduClass, "setOutgoingAndSend(SS)V", apdu, 5, 1) })
		})
	exchangeWith(t, Command{Ne: 65536, Extended: true, Long: true},
		func(b *bench, x *Exchange, apdu, _ vm.Ref) {
			assert.EqualValues(t, 32767, b.call(apduClass, "setOutgoing()S", apdu))
			b.call(apduClass, "setOutgoingLength(S)V", apdu, 1000)
			long := b.array(numbered(1000))
			b.call(apduClass, "sendBytesLong([BSS)V", apdu, vm.RefValue(long), 0, 1000)
			assert.Equal(t, numbered(1000), x.Response())
		})
}

func TestNoCommandNoAPDU(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		CreateAPDU(b.c, 261)
		b.throws(securityException, 0,
			func() { b.call(apduClass, "getCurrentAPDU()Ljavacard/framework/APDU;", 0) })
		_, apdu := BeginExchange(b.c, Command{})
		assert.Equal(t, apdu, b.call(apduClass, "getCurrentAPDU()Ljavacard/framework/APDU;",
			0).Ref())
		EndExchange(b.c)
		b.throws(apduException, apduIllegalUse,
			func() { b.call(apduClass, "setOutgoing()S", apdu) })
	})
}

// ISO/IEC 7816-4 §5.4.1, tables 2 and 3.
func TestClassBytes(t *testing.T) {
	for _, v := range []struct {
		cla               byte
		channel           int
		chaining, secured bool
	}{
		{0x00, 0, false, false}, {0x03, 3, false, false}, {0x10, 0, true, false},
		{0x0C, 0, false, true},
		{0x04, 0, false, true}, {0x40, 4, false, false}, {0x4F, 19, false, false},
		{0x60, 4, false, true}, {0x70, 4, true, true}, {0x84, 0, false, true},
	} {
		assert.Equal(t, v.channel, logicalChannel(v.cla), "%02X", v.cla)
		assert.Equal(t, v.chaining, commandChaining(v.cla), "%02X", v.cla)
		assert.Equal(t, v.secured, secureMessaging(v.cla), "%02X", v.cla)
	}
	assert.False(t, interindustry(0x80))
	assert.False(t, validClass(0xFF))
}

// The data are in the buffer before the applet asks for them on cards that do so only, and what
// does not fit is left out.
func TestDataInBuffer(t *testing.T) {
	for _, in := range []bool{false, true} {
		b := newBench(t)
		b.run(func() {
			CreateAPDU(b.c, 140)
			BeginExchange(b.c, Command{Data: []byte{0xAA, 0xBB}, InBuffer: in})
			buffer := b.c.Bytes(b.c.Root(rootBuffer), 0, 140)
			assert.Equal(t, in, buffer[5] == 0xAA && buffer[6] == 0xBB)
			BeginExchange(b.c, Command{Data: numbered(200), Extended: true, InBuffer: in})
			buffer = b.c.Bytes(b.c.Root(rootBuffer), 0, 140)
			assert.Equal(t, in, buffer[139] == numbered(200)[132])
		})
	}
}
