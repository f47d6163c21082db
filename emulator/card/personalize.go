package card

import (
	"bytes"

	"ekrona.example/apdu"
	"ekrona.example/emulator/api"
	"ekrona.example/emulator/vm"
)

// The interfaces of org.globalplatform by which an applet takes data from its security
// domain (GPC 2.3.1 §7.3.3, §A.2): one without and one with an answer.
const (
	applicationClass     = "org/globalplatform/Application"
	personalizationClass = "org/globalplatform/Personalization"
	processDataMethod    = "processData"
)

// IsPersonalizable reports whether an applet takes data from its security domain.
func (c *Card) IsPersonalizable(aid AID) bool {
	found, ok := c.byAID(aid)
	if !ok {
		return false
	}
	takes := false
	err := c.machine.Enter(func(call *vm.Call) {
		applet := c.applet(found.instance)
		takes = call.InstanceOf(applet, applicationClass) ||
			call.InstanceOf(applet, personalizationClass)
	})
	return err == nil && takes
}

// Personalize gives a command that the security domain got to an applet that takes it,
// in the APDU buffer from its start, and returns what the applet answers.
func (c *Card) Personalize(aid AID, command []byte) ([]byte, apdu.StatusWord, error) {
	found, ok := c.byAID(aid)
	if !ok {
		return nil, apdu.SWSelectFailed, nil
	}
	withAnswer, err := c.machine.Method(personalizationClass, processDataMethod, "([BSS[BS)S")
	if err != nil {
		return nil, 0, err
	}
	silent, err := c.machine.Method(applicationClass, processDataMethod, "([BSS)V")
	if err != nil {
		return nil, 0, err
	}
	var answer []byte
	sw := apdu.OK
	err = c.account(func() error {
		return c.machine.Enter(func(call *vm.Call) {
			applet := c.applet(found.instance)
			buffer := api.FillBuffer(call, command)
			var thrown *vm.JavaException
			n := 0
			if call.InstanceOf(applet, personalizationClass) {
				thrown = c.guarded(call, func() {
					n = int(call.Invoke(withAnswer, applet, vm.RefValue(buffer), 0,
						vm.Value(len(command)), vm.RefValue(buffer), 0).Short())
				})
			} else {
				thrown = c.guarded(call, func() {
					call.Invoke(silent, applet, vm.RefValue(buffer), 0, vm.Value(len(command)))
				})
			}
			if sw = statusOf(call, thrown); sw == apdu.OK && n > 0 && n <= call.Length(buffer) {
				answer = bytes.Clone(call.Bytes(buffer, 0, n))
			}
			api.EndExchange(call)
		})
	})
	return answer, sw, err
}
