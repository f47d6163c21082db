package api

import "ekrona.example/emulator/vm"

// The classes of javacard.framework.service. Remote method invocation has no functions
// here: a CAP file that imports RMIService or CardRemoteObject is refused.
const (
	servicePackage    = "javacard/framework/service/"
	serviceClass      = servicePackage + "Service"
	basicServiceClass = servicePackage + "BasicService"
	dispatcherClass   = servicePackage + "Dispatcher"

	serviceException  = servicePackage + "ServiceException"
	serviceIllegal    = 1
	serviceFull       = 2
	serviceTooLong    = 3
	serviceNoInput    = 4
	serviceNoOutput   = 5
	swInsNotSupported = 0x6D00
)

// The Common Service Format of the APDU buffer, once the command is processed.
const (
	serviceStatusOffset = 2
	serviceLengthOffset = 4
	maxServiceOutput    = 256
)

// Phases of a Dispatcher and the methods of Service that it calls in them.
const (
	phaseInput = iota + 1
	phaseCommand
	phaseOutput
)

var phaseMethods = map[int]string{phaseInput: "processDataIn", phaseCommand: "processCommand",
	phaseOutput: "processDataOut"}

// Hidden fields of Dispatcher: two entries for each registration, the service and, as
// bytes, its phase; and how many there are.
const (
	dispatcherServices = iota
	dispatcherPhases
	dispatcherCount
)

// serviceAPDU returns the command in progress of the APDU in argument 0, and its buffer.
func serviceAPDU(c *vm.Call) (*Exchange, vm.Ref) {
	apdu := c.Ref(0)
	c.NotNull(apdu)
	x, busy := c.Volatile(apdu).(*Exchange)
	if !busy {
		c.Throw(apduException, apduIllegalUse)
	}
	return x, c.Field(apdu, apduBuffer).Ref()
}

// basicServiceNatives are the functions of BasicService.
func basicServiceNatives() map[string]vm.Native {
	no := func(*vm.Call) vm.Value { return vm.BoolValue(false) }
	header := func(at int) vm.Native {
		return func(c *vm.Call) vm.Value {
			x, buffer := serviceAPDU(c)
			if x.state >= stateOutgoing && at >= serviceStatusOffset {
				c.Throw(serviceException, serviceNoInput)
			}
			return vm.Value(int8(c.Bytes(buffer, at, 1)[0]))
		}
	}
	finish := func(c *vm.Call, sw int16) {
		x, buffer := serviceAPDU(c)
		setProcessed(x)
		c.PutBytes(buffer, serviceStatusOffset, []byte{byte(sw >> 8), byte(sw)})
	}
	return bind(basicServiceClass, map[string]vm.Native{
		"<init>()V": nothing,
		"processDataIn(Ljavacard/framework/APDU;)Z":  no,
		"processCommand(Ljavacard/framework/APDU;)Z": no,
		"processDataOut(Ljavacard/framework/APDU;)Z": no,
		"receiveInData(Ljavacard/framework/APDU;)S": func(c *vm.Call) vm.Value {
			x, buffer := serviceAPDU(c)
			if x.state != stateInitial && x.state != stateFullIncoming {
				c.Throw(serviceException, serviceNoInput)
			}
			if len(x.command.Data) > c.Length(buffer)-offsetCdata {
				c.Throw(serviceException, serviceTooLong)
			}
			if x.state == stateInitial {
				x.incoming = true
				x.receive(c, buffer, offsetCdata)
			}
			return vm.ShortValue(int16(len(x.command.Data)))
		},
		"setProcessed(Ljavacard/framework/APDU;)V": func(c *vm.Call) vm.Value {
			x, _ := serviceAPDU(c)
			setProcessed(x)
			return vm.Void
		},
		"isProcessed(Ljavacard/framework/APDU;)Z": func(c *vm.Call) vm.Value {
			x, _ := serviceAPDU(c)
			return vm.BoolValue(x.state >= stateOutgoing)
		},
		"setOutputLength(Ljavacard/framework/APDU;S)V": func(c *vm.Call) vm.Value {
			x, buffer := serviceAPDU(c)
			n := int(c.Short(1))
			if n < 0 || n > maxServiceOutput || n > c.Length(buffer)-offsetCdata {
				c.Throw(serviceException, serviceIllegal)
			}
			x.serviceLength = n
			c.PutBytes(buffer, serviceLengthOffset, []byte{byte(n)})
			return vm.Void
		},
		"getOutputLength(Ljavacard/framework/APDU;)S": func(c *vm.Call) vm.Value {
			x, _ := processed(c)
			return vm.ShortValue(int16(x.serviceLength))
		},
		"setStatusWord(Ljavacard/framework/APDU;S)V": func(c *vm.Call) vm.Value {
			_, buffer := serviceAPDU(c)
			c.PutBytes(buffer, serviceStatusOffset, []byte{byte(c.Short(1) >> 8), byte(c.Short(1))})
			return vm.Void
		},
		"getStatusWord(Ljavacard/framework/APDU;)S": func(c *vm.Call) vm.Value {
			_, buffer := processed(c)
			return vm.ShortValue(statusWordIn(c, buffer))
		},
		"fail(Ljavacard/framework/APDU;S)Z": func(c *vm.Call) vm.Value {
			finish(c, c.Short(1))
			x, buffer := serviceAPDU(c)
			x.serviceLength = 0
			c.PutBytes(buffer, serviceLengthOffset, []byte{0})
			return vm.BoolValue(true)
		},
		"succeed(Ljavacard/framework/APDU;)Z": func(c *vm.Call) vm.Value {
			const swNoError = -0x7000 // 9000
			finish(c, swNoError)
			return vm.BoolValue(true)
		},
		"succeedWithStatusWord(Ljavacard/framework/APDU;S)Z": func(c *vm.Call) vm.Value {
			finish(c, c.Short(1))
			return vm.BoolValue(true)
		},
		"getCLA(Ljavacard/framework/APDU;)B": header(0),
		"getINS(Ljavacard/framework/APDU;)B": header(1),
		"getP1(Ljavacard/framework/APDU;)B":  header(2),
		"getP2(Ljavacard/framework/APDU;)B":  header(3),
		"selectingApplet()Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(runtimeOf(c).SelectingApplet(c))
		},
	})
}

// setProcessed turns the command to its response; one that is there stays.
func setProcessed(x *Exchange) {
	if x.state < stateOutgoing {
		x.state = stateOutgoing
	}
}

// processed is serviceAPDU for a command that is processed.
func processed(c *vm.Call) (*Exchange, vm.Ref) {
	x, buffer := serviceAPDU(c)
	if x.state < stateOutgoing {
		c.Throw(serviceException, serviceNoOutput)
	}
	return x, buffer
}

func statusWordIn(c *vm.Call, buffer vm.Ref) int16 {
	b := c.Bytes(buffer, serviceStatusOffset, 2)
	return int16(b[0])<<8 | int16(b[1])
}
