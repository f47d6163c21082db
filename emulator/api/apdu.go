package api

import "ekrona.example/emulator/vm"

// States of an APDU object, as its constants number them.
const (
	stateInitial = iota
	statePartialIncoming
	stateFullIncoming
	stateOutgoing
	stateOutgoingLengthKnown
	statePartialOutgoing
	stateFullOutgoing
)

// Sizes of the transport: T=1 with the largest information fields (ISO/IEC 7816-3 §11.4.2).
const (
	blockSize          = 254
	maxShortResponse   = 256
	maxLongResponse    = 32767
	offsetCdata        = 5
	offsetExtendedData = 7
)

func protocol(c *vm.Call) vm.Value { return vm.Value(runtimeOf(c).Protocol()) }

func channel(c *vm.Call) vm.Value { return vm.Value(runtimeOf(c).Channel()) }

// apduNatives are the functions of javacard.framework.APDU.
func apduNatives() map[string]vm.Native {
	current := func(c *vm.Call) vm.Ref {
		apdu := c.Root(rootAPDU)
		_, busy := c.Volatile(apdu).(*Exchange)
		if !busy || !runtimeOf(c).IsSelected(c, c.Active()) {
			c.Throw(securityException, 0)
		}
		return apdu
	}
	return bind("javacard/framework/APDU", map[string]vm.Native{
		"getBuffer()[B": func(c *vm.Call) vm.Value { return c.Field(c.This(), apduBuffer) },
		"getCurrentAPDU()Ljavacard/framework/APDU;": func(c *vm.Call) vm.Value {
			return vm.RefValue(current(c))
		},
		"getCurrentAPDUBuffer()[B": func(c *vm.Call) vm.Value {
			return c.Field(current(c),
				apduBuffer)
		},
		"getInBlockSize()S":  func(*vm.Call) vm.Value { return vm.ShortValue(blockSize) },
		"getOutBlockSize()S": func(*vm.Call) vm.Value { return vm.ShortValue(blockSize) },
		"getProtocol()B":     protocol,
		"getNAD()B":          nothing,
		"getCLAChannel()B":   channel,
		"waitExtension()V": func(c *vm.Call) vm.Value {
			if x, busy := c.Volatile(c.Root(rootAPDU)).(*Exchange); busy && x.noChaining {
				c.Throw(apduException, apduIllegalUse)
			}
			return vm.Void
		},
		"setIncomingAndReceive()S": func(c *vm.Call) vm.Value {
			x := exchange(c)
			if x.state != stateInitial {
				c.Throw(apduException, apduIllegalUse)
			}
			x.incoming = true
			return x.receive(c, c.Field(c.This(), apduBuffer).Ref(), x.dataOffset())
		},
		"receiveBytes(S)S": receiveBytes,
		"getIncomingLength()S": func(c *vm.Call) vm.Value {
			return vm.ShortValue(int16(len(incoming(c).command.Data)))
		},
		"getOffsetCdata()S": func(c *vm.Call) vm.Value {
			return vm.ShortValue(int16(incoming(c).dataOffset()))
		},
		"getCurrentState()B": func(c *vm.Call) vm.Value {
			return vm.Value(exchange(c).state)
		},
		"setOutgoing()S":           func(c *vm.Call) vm.Value { return exchange(c).turn(c, false) },
		"setOutgoingNoChaining()S": func(c *vm.Call) vm.Value { return exchange(c).turn(c, true) },
		"setOutgoingLength(S)V": func(c *vm.Call) vm.Value {
			exchange(c).announce(c, int(c.Short(0)))
			return vm.Void
		},
		"sendBytes(SS)V": func(c *vm.Call) vm.Value {
			exchange(c).send(c, c.Field(c.This(), apduBuffer).Ref(), int(c.Short(0)),
				int(c.Short(1)), true)
			return vm.Void
		},
		"sendBytesLong([BSS)V": func(c *vm.Call) vm.Value {
			exchange(c).send(c, c.Ref(0), int(c.Short(1)), int(c.Short(2)), false)
			return vm.Void
		},
		"setOutgoingAndSend(SS)V": func(c *vm.Call) vm.Value {
			x := exchange(c)
			x.turn(c, false)
			x.announce(c, int(c.Short(1)))
			x.send(c, c.Field(c.This(), apduBuffer).Ref(), int(c.Short(0)), int(c.Short(1)), true)
			x.sendDone = true
			return vm.Void
		},
		"isCommandChainingCLA()Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(commandChaining(classByte(c)))
		},
		"isSecureMessagingCLA()Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(secureMessaging(classByte(c)))
		},
		"isISOInterindustryCLA()Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(interindustry(classByte(c)))
		},
		"isValidCLA()Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(validClass(classByte(c)))
		},
	})
}

// exchange returns the command in progress of the APDU object that is the receiver.
func exchange(c *vm.Call) *Exchange {
	x, busy := c.Volatile(c.This()).(*Exchange)
	if !busy {
		c.Throw(apduException, apduIllegalUse)
	}
	return x
}

func classByte(c *vm.Call) byte { return exchange(c).command.Header[0] }

// incoming returns the command in progress while its data may still be asked about.
func incoming(c *vm.Call) *Exchange {
	x := exchange(c)
	if !x.incoming || x.state >= stateOutgoing {
		c.Throw(apduException, apduIllegalUse)
	}
	return x
}

func (x *Exchange) dataOffset() int {
	if x.command.Extended {
		return offsetExtendedData
	}
	return offsetCdata
}

func receiveBytes(c *vm.Call) vm.Value {
	x, off, buffer := incoming(c), int(c.Short(0)), c.Field(c.This(), apduBuffer).Ref()
	room := c.Length(buffer) - off
	if left := len(x.command.Data) - x.received; off < 0 || room < min(left, blockSize) {
		c.Throw(apduException, apduBufferBounds)
	}
	return x.receive(c, buffer, off)
}

// receive puts as much data as fits into the buffer.
func (x *Exchange) receive(c *vm.Call, buffer vm.Ref, off int) vm.Value {
	part := x.command.Data[x.received:]
	part = part[:min(len(part), c.Length(buffer)-off)]
	c.PutBytes(buffer, off, part)
	x.received += len(part)
	x.state = stateFullIncoming
	if x.received < len(x.command.Data) {
		x.state = statePartialIncoming
	}
	return vm.ShortValue(int16(len(part)))
}

// turn starts the response and returns the length expected, Ne.
func (x *Exchange) turn(c *vm.Call, noChaining bool) vm.Value {
	if x.state >= stateOutgoing {
		c.Throw(apduException, apduIllegalUse)
	}
	x.state, x.noChaining = stateOutgoing, noChaining
	return vm.ShortValue(int16(min(x.command.Ne, maxLongResponse)))
}

func (x *Exchange) announce(c *vm.Call, n int) {
	if x.state != stateOutgoing {
		c.Throw(apduException, apduIllegalUse)
	}
	most := maxShortResponse
	if x.command.Long {
		most = maxLongResponse
	}
	if n < 0 || n > most || x.noChaining && n > blockSize-2 {
		c.Throw(apduException, apduBadLength)
	}
	x.length, x.state = n, stateOutgoingLengthKnown
}

// send appends n bytes of an array to the response.
func (x *Exchange) send(c *vm.Call, array vm.Ref, off, n int, fromBuffer bool) {
	if x.state < stateOutgoingLengthKnown || x.sendDone || n > x.length-len(x.response) {
		c.Throw(apduException, apduIllegalUse)
	}
	if fromBuffer && (off < 0 || n < 0 || off+n > c.Length(array)) {
		c.Throw(apduException, apduBufferBounds)
	}
	x.response = append(x.response, c.Bytes(array, off, n)...)
	x.state = statePartialOutgoing
	if len(x.response) == x.length {
		x.state = stateFullOutgoing
	}
}
