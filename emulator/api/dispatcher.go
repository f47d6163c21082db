package api

import "ekrona.example/emulator/vm"

// dispatcherNatives are the functions of Dispatcher.
func dispatcherNatives() map[string]vm.Native {
	return bind(dispatcherClass, map[string]vm.Native{
		"<init>(S)V": func(c *vm.Call) vm.Value {
			if c.Short(0) < 0 {
				c.Throw(serviceException, serviceIllegal)
			}
			c.SetField(c.This(), dispatcherServices,
				vm.RefValue(c.NewRefArray(objectClass, int(c.Short(0)), vm.Persistent)))
			c.SetField(c.This(), dispatcherPhases,
				vm.RefValue(c.NewByteArray(int(c.Short(0)), vm.Persistent)))
			return vm.Void
		},
		"addService(Ljavacard/framework/service/Service;B)V": func(c *vm.Call) vm.Value {
			list := registrations(c)
			wanted := registration{checkedService(c), int(c.Byte(1))}
			for _, r := range list {
				if r == wanted {
					return vm.Void
				}
			}
			if len(list) == c.Length(c.Field(c.This(), dispatcherServices).Ref()) {
				c.Throw(serviceException, serviceFull)
			}
			setRegistrations(c, append(list, wanted))
			return vm.Void
		},
		"removeService(Ljavacard/framework/service/Service;B)V": func(c *vm.Call) vm.Value {
			gone := registration{checkedService(c), int(c.Byte(1))}
			var kept []registration
			for _, r := range registrations(c) {
				if r != gone {
					kept = append(kept, r)
				}
			}
			setRegistrations(c, kept)
			return vm.Void
		},
		"dispatch(Ljavacard/framework/APDU;B)Ljava/lang/Exception;": func(c *vm.Call) vm.Value {
			phase := int(c.Byte(1))
			if phaseMethods[phase] == "" {
				c.Throw(serviceException, serviceIllegal)
			}
			if thrown := c.Try(func() { runPhases(c, phase) }); thrown != nil {
				return vm.RefValue(thrown.Ref)
			}
			return vm.RefValue(0)
		},
		"process(Ljavacard/framework/APDU;)V": func(c *vm.Call) vm.Value {
			runPhases(c, phaseInput)
			x, buffer := serviceAPDU(c)
			if x.state < stateOutgoing {
				c.Throw(isoException, swInsNotSupported)
			}
			sw := statusWordIn(c, buffer)
			x.announce(c, x.serviceLength)
			x.send(c, buffer, offsetCdata, x.serviceLength, true)
			x.sendDone = true
			const swNoError = -0x7000 // 9000
			if sw != swNoError {
				c.Throw(isoException, sw)
			}
			return vm.Void
		},
	})
}

// registration is a service and the phase in which it is called.
type registration struct {
	service vm.Ref
	phase   int
}

// checkedService returns the service in argument 0, whose phase is in argument 1.
func checkedService(c *vm.Call) vm.Ref {
	c.NotNull(c.Ref(0))
	if phaseMethods[int(c.Byte(1))] == "" {
		c.Throw(serviceException, serviceIllegal)
	}
	return c.Ref(0)
}

func registrations(c *vm.Call) []registration {
	services, phases := c.Field(c.This(), dispatcherServices).Ref(), c.Field(c.This(),
		dispatcherPhases).Ref()
	if services == 0 || phases == 0 {
		notMade(c)
	}
	var list []registration
	for i := range int(c.Field(c.This(), dispatcherCount)) {
		list = append(list, registration{c.Element(services, i).Ref(),
			int(c.Bytes(phases, i, 1)[0])})
	}
	return list
}

func setRegistrations(c *vm.Call, list []registration) {
	services, phases := c.Field(c.This(), dispatcherServices).Ref(), c.Field(c.This(),
		dispatcherPhases).Ref()
	content := make([]byte, c.Length(phases))
	for i := range c.Length(services) {
		service := vm.Ref(0)
		if i < len(list) {
			service, content[i] = list[i].service, byte(list[i].phase)
		}
		c.SetElement(services, i, vm.RefValue(service))
	}
	c.PutBytes(phases, 0, content)
	c.SetField(c.This(), dispatcherCount, vm.Value(len(list)))
}

// runPhases calls the services of each phase from the first on, in the order in which
// they were added, until one reports that the phase is complete.
func runPhases(c *vm.Call, first int) {
	list := registrations(c)
	for phase := first; phase <= phaseOutput; phase++ {
		method, err := c.VM().Method(serviceClass, phaseMethods[phase],
			"(Ljavacard/framework/APDU;)Z")
		if err != nil {
			c.Fault(err.Error())
		}
		for _, r := range list {
			if r.phase == phase && c.Invoke(method, r.service, vm.RefValue(c.Ref(0))).Bool() {
				break
			}
		}
	}
}
