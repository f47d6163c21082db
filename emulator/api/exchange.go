package api

import "ekrona.example/emulator/vm"

// Command is a command as the runtime environment hands it to an applet.
type Command struct {
	Header   [4]byte // CLA INS P1 P2
	Data     []byte  // command data, may be empty
	Ne       int     // response bytes expected at most, 0 to 65536; 0 without Le
	Extended bool    // lengths came in extended form: Lc is at offset 4 in three bytes
	Long     bool    // the applet implements ExtendedLength: responses over 256 bytes are allowed
	InBuffer bool    // the data are in the buffer before the applet asks for them
}

// Exchange is one command and its response in progress: the state of the APDU
// object (Java Card API 3.0.5, class APDU). It lives for one command only.
type Exchange struct {
	command    Command
	state      int8
	received   int  // bytes of command data given to the applet
	incoming   bool // setIncomingAndReceive was called
	noChaining bool
	sendDone   bool // setOutgoingAndSend was called: no more may be sent
	length     int  // of the response, as announced
	response   []byte

	serviceLength int // of the response, from BasicService.setOutputLength
}

// The APDU object and its buffer, which the runtime environment owns: the names of
// their roots, and the hidden field that leads from one to the other.
const (
	rootAPDU   = "javacard/framework/APDU"
	rootBuffer = "javacard/framework/APDU.buffer"
	apduBuffer = 0
)

// CreateAPDU makes the card's APDU object and its buffer, a global array of
// bufferLength bytes (at least 133, JCRE 3.0.5 §9.4; 261 holds any short command
// with 256 bytes of data). To be called once in the life of a card, in the context
// of the runtime environment.
func CreateAPDU(c *vm.Call, bufferLength int) {
	apdu := c.NewJCREObject("javacard/framework/APDU", vm.ClearOnReset, vm.EntryPoint|vm.Temporary)
	c.SetRoot(rootAPDU, apdu)
	c.SetRoot(rootBuffer, c.NewJCREArray(vm.ByteArray, bufferLength, vm.ClearOnReset,
		vm.GlobalArray|vm.Temporary))
}

// BeginExchange puts a command into the APDU object, which it returns for the call of
// Applet.process. The buffer holds the header and, as the API requires, not yet the
// data; the rest of it is zero (JCRE 3.0.5 §6.2.2).
func BeginExchange(c *vm.Call, command Command) (*Exchange, vm.Ref) {
	apdu, buffer := c.Root(rootAPDU), c.Root(rootBuffer)
	c.SetField(apdu, apduBuffer, vm.RefValue(buffer))
	content := make([]byte, c.Length(buffer))
	copy(content, command.Header[:])
	switch lc := len(command.Data); {
	case command.Extended && lc > 0:
		content[5], content[6] = byte(lc>>8), byte(lc)
	case command.Extended:
		content[5], content[6] = byte(command.Ne>>8), byte(command.Ne)
	case lc > 0:
		content[4] = byte(lc)
	default:
		content[4] = byte(command.Ne)
	}
	if command.InBuffer {
		at := 5 // behind the short Lc, or the extended one
		if command.Extended {
			at = 7
		}
		copy(content[min(at, len(content)):], command.Data)
	}
	c.PutBytes(buffer, 0, content)
	x := &Exchange{command: command}
	c.SetVolatile(apdu, x)
	return x, apdu
}

// FillBuffer puts content at the start of the APDU buffer, zeros behind it, and returns
// the buffer. EndExchange clears it again. What does not fit is left out.
func FillBuffer(c *vm.Call, content []byte) vm.Ref {
	buffer := c.Root(rootBuffer)
	filled := make([]byte, c.Length(buffer))
	copy(filled, content)
	c.PutBytes(buffer, 0, filled)
	return buffer
}

// EndExchange takes the command from the APDU object, so that nothing can be sent
// any more, and clears its buffer.
func EndExchange(c *vm.Call) {
	c.SetVolatile(c.Root(rootAPDU), nil)
	buffer := c.Root(rootBuffer)
	c.PutBytes(buffer, 0, make([]byte, c.Length(buffer)))
}

// Response returns the data sent so far.
func (x *Exchange) Response() []byte { return x.response }
