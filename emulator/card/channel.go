package card

import (
	"ekrona.example/apdu"
	"ekrona.example/emulator/vm"
)

// Logical channels (ISO/IEC 7816-4:2013 §11.1.2; JCRE 3.0.4 §4): each has an applet of its own
// selected, and the class byte of a command names one.

// The parts of MANAGE CHANNEL.
const (
	p1Open  = 0x00
	p1Close = 0x80
)

// channels is what of a card belongs to logical channels. The applet that is selected on the
// channel of the command in progress is Card.current.
type channels struct {
	channel  int // of the command in progress, or of the last one
	others   [apdu.MaxChannels]vm.Instance
	isOpened [apdu.MaxChannels]bool // by MANAGE CHANNEL
}

// OnBasic is a class byte as it is on the basic channel: without the channel, and with secure
// messaging and chaining where the first interindustry values have them.
func OnBasic(cla byte) byte {
	const further, secured, chained = 0x40, 0x20, 0x10
	switch {
	case apdu.ChannelOf(cla) == 0:
		return cla
	case cla&further == 0:
		return cla &^ 0x03
	case cla&secured != 0:
		return cla&(0x80|chained) | 0x04
	}
	return cla & (0x80 | chained)
}

// IsOpen reports whether commands on a logical channel are taken.
func (c *Card) IsOpen(channel int) bool { return channel == 0 || c.isOpened[channel] }

// OpensFor reports whether a command is on a logical channel that is open. A SELECT by name opens
// that which it is on, with nothing selected there, if the card has it (JCRE 3.0.4 §4.5.2).
func (c *Card) OpensFor(command apdu.Command) bool {
	channel := apdu.ChannelOf(command.CLA)
	if c.IsOpen(channel) {
		return true
	}
	c.isOpened[channel] = channel < c.options.Profile.Channels && command.INS == insSelect &&
		command.P1 == p1ByName && OnBasic(command.CLA) == classSelect
	return c.isOpened[channel]
}

// Use makes a logical channel, which is open, that of the next command.
func (c *Card) Use(channel int) {
	if channel == c.channel {
		return
	}
	c.others[c.channel] = c.current
	c.channel, c.current = channel, c.others[channel]
	c.machine.Activate(c.current)
}

// selectedOn is the applet that is selected on a channel, 0 for none.
func (c *Card) selectedOn(channel int) vm.Instance {
	if channel == c.channel {
		return c.current
	}
	return c.others[channel]
}

// elsewhere reports whether an applet of the same package is selected on another channel, so that
// its context is active there, and whether that is the same applet.
func (c *Card) elsewhere(instance vm.Instance) (context, same bool) {
	info, known := c.machine.InstanceInfo(instance)
	for n := range apdu.MaxChannels {
		if n == c.channel || c.others[n] == 0 || !known {
			continue
		}
		other, _ := c.machine.InstanceInfo(c.others[n])
		context = context || other.Package == info.Package
		same = same || c.others[n] == instance
	}
	return context, same
}

// isBarred reports whether an applet may not be selected on this channel, since its context is
// active on another and it is not MultiSelectable (JCRE §4.2, §4.5.2).
func (c *Card) isBarred(call *vm.Call, instance vm.Instance) bool {
	active, _ := c.elsewhere(instance)
	return active && !call.InstanceOf(c.applet(instance), multiSelectable)
}

// Barred reports whether SELECT of an applet on this channel is refused because its context is
// active on another.
func (c *Card) Barred(aid AID) (barred bool, err error) {
	found, ok := c.byAID(aid)
	if !ok {
		return false, nil
	}
	err = c.machine.Enter(func(call *vm.Call) { barred = c.isBarred(call, found.instance) })
	return barred, stopped(err)
}

// settle makes an applet, or none, the selected one of this channel. CLEAR_ON_DESELECT memory of
// a context that is active on another channel stays (JCRE §5.1).
func (c *Card) settle(instance vm.Instance) {
	if active, _ := c.elsewhere(c.machine.Selected()); active {
		c.machine.Activate(instance)
	} else {
		c.machine.Select(instance)
	}
	c.current = instance
}

// manageChannel is MANAGE CHANNEL, with the status words of JCRE 3.0.4 §4.5.1 and §4.6.1. Data,
// which they say nothing of, are refused.
func (c *Card) manageChannel(call *vm.Call, command apdu.Command) apdu.Response {
	origin, has := c.channel, c.options.Profile.Channels
	n := int(command.P2)
	switch base := OnBasic(command.CLA); {
	case has <= 1:
		return refused(apdu.SWChannel)
	case base&^apdu.ClassChaining != classSelect:
		return refused(apdu.SWSecureMessaging)
	case base != classSelect:
		return refused(apdu.SWChaining)
	case command.P1 != p1Open && command.P1 != p1Close, n >= apdu.MaxChannels:
		return refused(apdu.SWNotSupported)
	case len(command.Data) > 0:
		return refused(apdu.SWWrongLength)
	case command.P1 == p1Close:
		return c.closeChannel(call, n)
	case n > 0 && (c.isOpened[n] || n >= has):
		return refused(apdu.SWWrongP1P2)
	case n == 0 && command.Ne != 1:
		return refused(apdu.SWWrongLe | 1)
	}
	answer := apdu.Response{SW: apdu.OK}
	if n == 0 {
		for n = 1; n < has && c.isOpened[n]; n++ {
		}
		if n >= has {
			return refused(apdu.SWNotSupported)
		}
		answer.Data = []byte{byte(n)}
	}
	c.isOpened[n] = true
	if sw := c.inherit(call, origin, n); sw != apdu.OK {
		c.isOpened[n] = false
		return refused(sw)
	}
	return answer
}

// inherit selects on a channel that was opened from one that is not the basic channel what is
// selected there.
func (c *Card) inherit(call *vm.Call, origin, opened int) apdu.StatusWord {
	instance := c.selectedOn(origin)
	if origin == 0 || instance == 0 {
		return apdu.OK
	}
	c.Use(opened)
	defer c.Use(origin)
	for _, a := range c.applets {
		switch {
		case a.instance != instance:
		case c.isBarred(call, instance):
			return apdu.SWConditions
		case !c.selectApplet(call, a):
			return apdu.SWSelectFailed
		}
	}
	c.selecting, c.reselected = false, 0
	return apdu.OK
}

// closeChannel deselects what is selected on a channel, and closes it. The basic channel is never
// closed.
func (c *Card) closeChannel(call *vm.Call, n int) apdu.Response {
	origin := c.channel
	switch {
	case n == 0:
		return refused(apdu.SWNotSupported)
	case !c.isOpened[n]:
		return refused(apdu.SWUnchanged)
	}
	c.Use(n)
	c.deselect(call)
	c.isOpened[n] = false
	if origin == n {
		origin = 0
	}
	c.Use(origin)
	return apdu.Response{SW: apdu.OK}
}
