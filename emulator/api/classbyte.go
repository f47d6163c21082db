package api

import "ekrona.example/emulator/vm"

// What the bits of a class byte say (ISO/IEC 7816-4 §5.4.1). The proprietary classes
// are read as the interindustry ones, as JCRE 3.0.5 §4.3 has it.

func furtherInterindustry(cla byte) bool { return cla&0x40 != 0 }

func interindustry(cla byte) bool { return cla&0x80 == 0 }

func validClass(cla byte) bool { return cla != 0xFF }

func commandChaining(cla byte) bool { return cla&0x10 != 0 }

func secureMessaging(cla byte) bool {
	if furtherInterindustry(cla) {
		return cla&0x20 != 0
	}
	return cla&0x0C != 0
}

func logicalChannel(cla byte) int {
	if furtherInterindustry(cla) {
		return int(cla&0x0F) + 4
	}
	return int(cla & 0x03)
}

// classByteNatives are the functions of javacardx.apdu.util.APDUUtil.
func classByteNatives() map[string]vm.Native {
	of := func(c *vm.Call) byte { return byte(c.Byte(0)) }
	return bind("javacardx/apdu/util/APDUUtil", map[string]vm.Native{
		"getCLAChannel(B)B": func(c *vm.Call) vm.Value {
			return vm.Value(logicalChannel(of(c)))
		},
		"isSecureMessagingCLA(B)Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(secureMessaging(of(c)))
		},
		"isCommandChainingCLA(B)Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(commandChaining(of(c)))
		},
		"isISOInterindustryCLA(B)Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(interindustry(of(c)))
		},
		"isValidCLA(B)Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(validClass(of(c)))
		},
	})
}
