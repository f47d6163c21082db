package card

import (
	"bytes"

	"ekrona.example/apdu"
	"ekrona.example/emulator/api"
	"ekrona.example/emulator/vm"
)

// The parts of a command that the runtime environment itself reads (JCRE §4.3 to §4.7).
const (
	insSelect    = 0xA4
	p1ByName     = 0x04
	p2WhichMask  = 0x03 // bits 1 and 2 of P2: which of several that fit
	p2First      = 0x00
	p2Next       = 0x02
	classInvalid = 0xFF
	classSelect  = apdu.ClassInterindustry // on the basic channel, without secure messaging
)

func refused(sw apdu.StatusWord) apdu.Response { return apdu.Response{SW: sw} }

// answer is one command from the wire to the response.
func (c *Card) answer(raw []byte) (apdu.Response, error) {
	command, err := apdu.ParseCommand(raw)
	switch {
	case err != nil, command.Extended && !c.options.Profile.ExtendedLength:
		return refused(apdu.SWWrongLength), nil
	case command.CLA == classInvalid:
		return refused(apdu.SWClass), nil
	case !c.OpensFor(command):
		return refused(apdu.SWChannel), nil
	}
	c.Use(apdu.ChannelOf(command.CLA))
	var response apdu.Response
	err = c.machine.Enter(func(call *vm.Call) { response = c.dispatch(call, command) })
	c.selecting, c.reselected = false, 0
	return response, err
}

func interindustry(cla byte) bool { return cla&0x80 == 0 }

// dispatch selects an applet if the command says so, and gives it to the applet
// that is selected.
func (c *Card) dispatch(call *vm.Call, command apdu.Command) apdu.Response {
	if interindustry(command.CLA) && command.INS == apdu.InsManageChannel {
		return c.manageChannel(call, command)
	}
	if OnBasic(command.CLA) == classSelect && command.INS == insSelect &&
		command.P1 == p1ByName {
		if found, ok := c.named(command.P2, command.Data); ok {
			if c.isBarred(call, found.instance) {
				return refused(apdu.SWConditions)
			}
			if !c.selectApplet(call, found) {
				return refused(apdu.SWSelectFailed)
			}
		}
	}
	if c.current == 0 {
		return refused(apdu.SWSelectFailed)
	}
	return c.process(call, command)
}

// named finds the applet that a SELECT means (JCRE §4.5.2): the one of exactly
// this AID, else the first whose AID begins so; or the next such one after the
// applet that is selected.
func (c *Card) named(p2 byte, name []byte) (installed, bool) {
	which := p2 & p2WhichMask
	if len(name) == 0 || which != p2First && which != p2Next {
		return installed{}, false
	}
	var fitting []installed
	for _, a := range c.applets {
		if which == p2First && a.aid.equal(name) {
			return a, true
		}
		if bytes.HasPrefix(a.aid, name) {
			fitting = append(fitting, a)
		}
	}
	start := 0
	if which == p2Next {
		for i, a := range fitting {
			if a.instance == c.current {
				start = i + 1
			}
		}
	}
	if start >= len(fitting) {
		return installed{}, false
	}
	return fitting[start], true
}

// selectApplet deselects what was selected and asks the applet whether it will be
// (JCRE §3.2, §4.5.2). After a refusal nothing is selected.
func (c *Card) selectApplet(call *vm.Call, found installed) bool {
	if c.current == found.instance {
		c.reselected = found.instance
	}
	c.deselect(call)
	c.settle(found.instance)
	c.selecting = true
	willing := false
	c.guarded(call, func() {
		applet := c.applet(found.instance)
		if active, same := c.elsewhere(found.instance); active {
			willing = call.Invoke(c.entry.multiSelect, applet, vm.BoolValue(same)).Bool()
		} else {
			willing = call.Invoke(c.entry.selectApplet, applet).Bool()
		}
	})
	if !willing {
		c.settle(0)
		c.selecting = false
	}
	return willing
}

// deselect notifies the selected applet that it is deselected (JCRE §3.4, §4.6) and
// clears its CLEAR_ON_DESELECT memory. What it throws is ignored.
func (c *Card) deselect(call *vm.Call) {
	if c.current == 0 {
		return
	}
	c.guarded(call, func() {
		if active, same := c.elsewhere(c.current); active {
			call.Invoke(c.entry.multiDeselect, c.applet(c.current), vm.BoolValue(same))
		} else {
			call.Invoke(c.entry.deselect, c.applet(c.current))
		}
	})
	c.settle(0)
	c.endSession()
}

// endSession ends the secure channel that the applet that was selected may have used.
func (c *Card) endSession() {
	if c.manager != nil {
		c.manager.EndSession()
	}
}

func (c *Card) applet(instance vm.Instance) vm.Ref {
	info, _ := c.machine.InstanceInfo(instance)
	return info.Applet
}

// guarded runs an applet's method. A transaction that it leaves open is aborted (JCRE
// §7.6.2). It returns the exception that came out, nil for none. The transcript records
// one that no status word shows.
func (c *Card) guarded(call *vm.Call, run func()) *vm.JavaException {
	api.ForgetResult(call)
	thrown := call.Try(run)
	if thrown != nil {
		c.thrown = thrown
	}
	if thrown != nil && !call.InstanceOf(thrown.Ref, isoException) {
		c.note("the applet threw %s", thrown)
	}
	if call.TransactionDepth() > 0 {
		call.AbortTransaction()
	}
	api.TakeBackOneShots(call)
	return thrown
}

// process gives the command to the selected applet and makes the response of its
// result.
func (c *Card) process(call *vm.Call, command apdu.Command) apdu.Response {
	applet := c.applet(c.current)
	long := call.InstanceOf(applet, extendedLength)
	if command.Extended && !long {
		return refused(apdu.SWWrongLength)
	}
	exchange, object := api.BeginExchange(call, api.Command{
		Header: [4]byte{command.CLA, command.INS, command.P1, command.P2},
		Data:   command.Data, Ne: command.Ne, Extended: command.Extended,
		Long: long && c.options.Profile.ExtendedLength, InBuffer: c.options.Profile.DataInBuffer,
	})
	thrown := c.guarded(call, func() { call.Invoke(c.entry.process, applet, vm.RefValue(object)) })
	response := apdu.Response{Data: exchange.Response(), SW: statusOf(call, thrown)}
	api.EndExchange(call)
	return response
}

// statusOf is the status word for what an applet's method threw.
func statusOf(call *vm.Call, thrown *vm.JavaException) apdu.StatusWord {
	switch {
	case thrown == nil:
		return apdu.OK
	case call.InstanceOf(thrown.Ref, isoException):
		return apdu.StatusWord(uint16(thrown.Reason))
	}
	return apdu.SWUnknown
}
