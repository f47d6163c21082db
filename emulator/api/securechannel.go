package api

import (
	"errors"

	"ekrona.example/apdu"
	"ekrona.example/emulator/vm"
)

// Status words that the classes of org.globalplatform throw.
const (
	swWrongLength = 0x6700
	swSecurity    = 0x6982
	swConditions  = 0x6985
)

const (
	headerBytes      = 4
	shortHeader      = headerBytes + 1 // with Lc
	extendedHeader   = headerBytes + 3
	secureMessageBit = 0x04
)

// secureChannelNatives are the functions of the object that GPSystem.getSecureChannel
// returns: SecureChannel, SecureChannelx and SecureChannelx2.
func secureChannelNatives() map[string]vm.Native {
	channel := func(c *vm.Call) Channel {
		ch := runtimeOf(c).Manager().Channel()
		if ch == nil {
			c.Throw(isoException, swConditions)
		}
		return ch
	}
	return bind(secureChannelClass, map[string]vm.Native{
		"processSecurity(Ljavacard/framework/APDU;)S": func(c *vm.Call) vm.Value {
			return processSecurity(c, channel(c))
		},
		"processSecurity([BSSS)S": func(c *vm.Call) vm.Value {
			command := commandIn(c, c.Ref(0), int(c.Short(1)), int(c.Short(2)))
			data, err := channel(c).Process(c, command)
			refuse(c, err)
			c.PutBytes(c.Ref(0), int(c.Short(3)), data)
			return vm.ShortValue(int16(len(data)))
		},
		"unwrap([BSS)S": func(c *vm.Call) vm.Value { return unwrapCommand(c, channel(c)) },
		"wrap([BSS)S":   func(c *vm.Call) vm.Value { return wrapResponse(c, channel(c)) },
		"decryptData([BSS)S": func(c *vm.Call) vm.Value {
			return transformData(c, channel(c).Decrypt)
		},
		"encryptData([BSS)S": func(c *vm.Call) vm.Value {
			return transformData(c, channel(c).Encrypt)
		},
		"resetSecurity()V": func(c *vm.Call) vm.Value {
			channel(c).Reset()
			return vm.Void
		},
		"getSecurityLevel()B": func(c *vm.Call) vm.Value {
			return vm.Value(int8(channel(c).Level()))
		},
		"setSecurityLevel(B)V": func(c *vm.Call) vm.Value {
			refuse(c, channel(c).SetLevel(byte(c.Byte(0))))
			return vm.Void
		},
	})
}

// refuse throws ISOException with the status word in err, if there is one. Any other
// error is a bug or no randomness, and stops the card.
func refuse(c *vm.Call, err error) {
	var sw apdu.StatusWord
	switch {
	case err == nil:
	case errors.As(err, &sw):
		c.Throw(isoException, int16(sw))
	default:
		c.Fault(err.Error())
	}
}

// commandIn reads a command of n bytes without Le from an array.
func commandIn(c *vm.Call, array vm.Ref, off, n int) apdu.Command {
	raw := append([]byte(nil), c.Bytes(array, off, n)...)
	if len(raw) < headerBytes {
		c.Throw(isoException, swWrongLength)
	}
	command := apdu.Command{CLA: raw[0], INS: raw[1], P1: raw[2], P2: raw[3]}
	switch {
	case len(raw) <= shortHeader:
	case len(raw) > extendedHeader && raw[headerBytes] == 0:
		command.Extended, command.Data = true, raw[extendedHeader:]
	default:
		command.Data = raw[shortHeader:]
	}
	return command
}

// processSecurity takes in the data of the command if the applet has not, and puts the
// response data behind the header.
func processSecurity(c *vm.Call, channel Channel) vm.Value {
	object := c.Ref(0)
	c.NotNull(object)
	x, busy := c.Volatile(object).(*Exchange)
	if !busy {
		c.Throw(apduException, apduIllegalUse)
	}
	buffer := c.Field(object, apduBuffer).Ref()
	if x.state == stateInitial {
		x.incoming = true
		x.receive(c, buffer, x.dataOffset())
	}
	if x.state != stateFullIncoming {
		c.Throw(isoException, swWrongLength)
	}
	header := c.Bytes(buffer, 0, headerBytes)
	command := apdu.Command{CLA: header[0], INS: header[1], P1: header[2], P2: header[3],
		Extended: x.command.Extended}
	command.Data = append(command.Data, c.Bytes(buffer, x.dataOffset(), len(x.command.Data))...)
	data, err := channel.Process(c, command)
	refuse(c, err)
	c.PutBytes(buffer, offsetCdata, data)
	return vm.ShortValue(int16(len(data)))
}

// unwrapCommand puts the command without its protection in the place of the protected
// one. Without a session, or with one that asks for no MAC, a command in the clear stays
// as it is.
func unwrapCommand(c *vm.Call, channel Channel) vm.Value {
	array, off, n := c.Ref(0), int(c.Short(1)), int(c.Short(2))
	command := commandIn(c, array, off, n)
	plain, err := channel.Unwrap(command)
	refuse(c, err)
	if command.CLA&secureMessageBit == 0 {
		return vm.ShortValue(int16(n))
	}
	out := []byte{plain.CLA, plain.INS, plain.P1, plain.P2}
	if command.Extended {
		out = append(out, 0, byte(len(plain.Data)>>8))
	}
	out = append(append(out, byte(len(plain.Data))), plain.Data...)
	c.PutBytes(array, off, out)
	return vm.ShortValue(int16(len(out)))
}

// wrapResponse puts the protected data in the place of data and status word.
func wrapResponse(c *vm.Call, channel Channel) vm.Value {
	array, off, n := c.Ref(0), int(c.Short(1)), int(c.Short(2))
	plain := append([]byte(nil), c.Bytes(array, off, n)...)
	if n < 2 {
		c.Throw(isoException, swWrongLength)
	}
	sw := apdu.StatusWord(plain[n-2])<<8 | apdu.StatusWord(plain[n-1])
	data, err := channel.Wrap(apdu.Response{Data: plain[:n-2], SW: sw})
	refuse(c, err)
	c.PutBytes(array, off, data)
	return vm.ShortValue(int16(len(data)))
}

// transformData enciphers or deciphers data in its place.
func transformData(c *vm.Call, transform func([]byte) ([]byte, error)) vm.Value {
	array, off, n := c.Ref(0), int(c.Short(1)), int(c.Short(2))
	data, err := transform(append([]byte(nil), c.Bytes(array, off, n)...))
	refuse(c, err)
	c.PutBytes(array, off, data)
	return vm.ShortValue(int16(len(data)))
}
