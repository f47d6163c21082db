package globalplatform

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/vm"
)

// Options are what a blank card is made with.
type Options struct {
	Keys   scp03.Keys // initial key set, version FF; none means the published test keys
	Random io.Reader  // nil is the system's
}

// Card is a virtual card with a card manager.
type Card struct {
	card   *card.Card
	random io.Reader
	held

	cut    int      // persistent write of the command before which power goes; 0 for none
	caller *vm.Call // of the applet that the manager serves at the moment, nil for none
	last   Account
}

var _ apdu.Card = (*Card)(nil)

// New puts a card manager on a card: the one whose record is on it, or a new one.
// After that all commands must go through it, and Reset too.
func New(c *card.Card, o Options) (*Card, error) {
	if o.Random == nil {
		o.Random = rand.Reader
	}
	managed := &Card{card: c, random: o.Random}
	c.SetManager(applets{managed})
	record, err := c.Record()
	switch {
	case errors.Is(err, card.ErrNoRecord):
		if o.Keys.ENC == nil {
			o.Keys = scp03.TestKeys()
		}
		if managed.state, err = blank(o.Keys, o.Random); err != nil {
			return nil, err
		}
		if err := managed.update(func(*state) {}); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, fmt.Errorf("globalplatform: %w", err)
	default:
		if managed.state, err = parseState(record); err != nil {
			return nil, err
		}
	}
	return managed, managed.wake()
}

// SetRandom has the card and its manager draw of other sources from now on.
func (c *Card) SetRandom(ofCard, ofManager io.Reader) {
	c.card.SetRandom(ofCard)
	c.random = ofManager
}

// Reset takes power away and gives it back; see [card.Card.Reset]. The issuer
// security domain is selected then, or the default applet if one was made that.
func (c *Card) Reset() error {
	c.card.Reset()
	// A cut may have come after the record was written: what is in memory counts.
	record, err := c.card.Record()
	if err != nil {
		return fmt.Errorf("globalplatform: %w", err)
	}
	if c.state, err = parseState(record); err != nil {
		return err
	}
	return c.wake()
}

// Below is the card without its manager: what is on it, its memory, its machine's probe. Commands
// go through the manager.
func (c *Card) Below() *card.Card { return c.card }

// Leave deselects the issuer security domain, for a program that sends its commands to
// the card below and needs the manager for applets only.
func (c *Card) Leave() { c.selected = false }

// wake does what a card does between power-up and the first command.
func (c *Card) wake() error {
	c.cut, c.channel, c.others = 0, 0, [apdu.MaxChannels]conversation{}
	c.selected = true
	c.endSession()
	present := map[string]bool{}
	for _, a := range c.card.Applets() {
		present[a.AID.String()] = true
	}
	c.state.apps = deleteFunc(c.state.apps, func(a app) bool { return !present[a.aid.String()] })
	c.state.services = deleteFunc(c.state.services,
		func(v service) bool { return !present[v.applet.String()] })
	c.state.oneDefault()
	if c.state.life == gpc.CardLocked || c.state.life == gpc.Terminated {
		return nil
	}
	for _, a := range c.state.apps {
		if a.privileges&gpc.PrivilegeCardReset != 0 && a.selectable() {
			willing, err := c.card.Select(a.aid)
			c.selected = !willing
			return err
		}
	}
	return nil
}

// Transmit sends a command; see [apdu.Card]. Errors are those of [card.Card.Transmit].
func (c *Card) Transmit(ctx context.Context, command apdu.Command) (apdu.Response, error) {
	return apdu.Over(ctx, command, c.transmit)
}

// TransmitBytes sends a command as it goes over the wire, well formed or not, and
// returns response data and status word.
func (c *Card) TransmitBytes(command []byte) ([]byte, error) {
	response, err := c.transmit(command)
	if err != nil {
		return nil, err
	}
	return response.Bytes(), nil
}

func (c *Card) transmit(raw []byte) (response apdu.Response, err error) {
	c.last = Account{}
	defer func() {
		c.cut = 0
		c.last.Stats.CommandBytes, c.last.Stats.ResponseBytes = len(raw), len(response.Bytes())
	}()
	command, err := apdu.ParseCommand(raw)
	if err == nil {
		channel := apdu.ChannelOf(command.CLA)
		switch {
		case command.CLA == classInvalid:
			return apdu.Response{SW: apdu.SWClass}, nil
		case !c.card.OpensFor(command):
			return apdu.Response{SW: apdu.SWChannel}, nil
		}
		c.use(channel)
		if command.CLA&0x80 == 0 && command.INS == apdu.InsManageChannel {
			return c.manageChannel(raw)
		}
		command.CLA = card.OnBasic(command.CLA)
	}
	if err == nil && isSelect(command) && (!command.Extended || c.card.Profile().ExtendedLength) {
		return c.selectByName(command, raw)
	}
	if !c.selected && c.state.life == gpc.Terminated { // by the applet that is selected
		if err := c.act(c.card.Deselect); err != nil {
			return apdu.Response{}, err
		}
		c.selected = true
		c.endSession()
	}
	if !c.selected {
		return c.below(raw)
	}
	if err != nil || command.Extended && !c.card.Profile().ExtendedLength {
		return apdu.Response{SW: apdu.SWWrongLength}, nil
	}
	c.last.Manager = command.INS
	response, err = c.secured(command)
	if err == nil && len(response.Data) > max(apdu.MaxShortNe, command.Ne) {
		response = apdu.Response{SW: apdu.SWNoMemory}
	}
	if command.INS == gpc.InsGetData && command.CLA != gpc.ClassSecure && command.Ne > 0 &&
		err == nil && len(response.Data) > command.Ne {
		response = wrongLe(response.Data)
	}
	return response, err
}

// below gives a command to the card without its manager.
func (c *Card) below(raw []byte) (apdu.Response, error) {
	var answer []byte
	err := c.act(func() (err error) {
		answer, err = c.card.TransmitBytes(raw)
		return err
	})
	if err != nil {
		return apdu.Response{}, err
	}
	return apdu.ParseResponse(answer)
}

// CutBefore has the power fail before the n-th persistent write, counted from 1, of
// the next command; see [card.Card.CutBefore]. All that the manager makes the card do
// for the command counts.
func (c *Card) CutBefore(n int) { c.cut = max(0, n) }

// act has the card do one thing of several in a command.
func (c *Card) act(action func() error) error {
	c.card.CutBefore(c.cut)
	err := action()
	c.last.Stats = c.last.Stats.Add(c.card.LastCommand())
	if c.cut > 0 {
		c.cut -= min(c.cut, c.card.LastCommand().Writes)
	}
	return err
}

// handler carries out a command that may be carried out, without its protection. A
// StatusWord as error is the answer, with the data if there is some.
type handler func(c *Card, command apdu.Command) ([]byte, error)

// handlers are the commands that need an authenticated host.
var handlers = map[byte]handler{
	gpc.InsGetStatus: (*Card).getStatus,
	gpc.InsSetStatus: (*Card).setStatus,
	gpc.InsInstall:   (*Card).install,
	gpc.InsLoad:      (*Card).load,
	gpc.InsDelete:    (*Card).delete,
	gpc.InsPutKey:    (*Card).putKey,
	gpc.InsStoreData: (*Card).storeData,
}

// handle is a command to the issuer security domain, without its protection.
func (c *Card) handle(command apdu.Command) (apdu.Response, error) {
	data, err := c.dispatch(command)
	var sw apdu.StatusWord
	switch {
	case err == nil:
		return apdu.Response{Data: data, SW: apdu.OK}, nil
	case errors.As(err, &sw):
		return apdu.Response{Data: data, SW: sw}, nil
	case errors.Is(err, gpc.ErrMalformed):
		return apdu.Response{SW: apdu.SWWrongData}, nil
	case errors.Is(err, card.ErrRefused):
		return apdu.Response{SW: c.reason(err)}, nil
	default:
		return apdu.Response{}, err
	}
}

// systemNoResource is SystemException.NO_RESOURCE (Java Card API 3.0.5).
const systemNoResource = 5

// reason is the status word for a refusal by the card below.
func (c *Card) reason(err error) apdu.StatusWord {
	var thrown *vm.JavaException
	if errors.As(err, &thrown) && thrown.Class == "javacard/framework/SystemException" &&
		thrown.Reason == systemNoResource {
		return apdu.SWNoMemory
	}
	return apdu.SWWrongData
}

func (c *Card) dispatch(command apdu.Command) ([]byte, error) {
	if command.INS != gpc.InsGetStatus {
		c.listing = nil
	}
	if command.INS == gpc.InsGetData {
		return c.getData(command)
	}
	handle, known := handlers[command.INS]
	switch {
	case c.state.life == gpc.Terminated: // only GET DATA is left (GPC §5.1.1.5)
		return nil, apdu.SWConditions
	case !known:
		return nil, apdu.SWInstruction
	case command.CLA != gpc.ClassPlain:
		return nil, apdu.SWClass
	case !c.session.authenticated():
		return nil, apdu.SWSecurity
	case c.state.life == gpc.CardLocked && command.INS != gpc.InsSetStatus &&
		command.INS != gpc.InsGetStatus:
		return nil, apdu.SWConditions
	}
	return handle(c, command)
}

// nothingMore is the data of an answer that has none (GPC §11.5.3.1).
var nothingMore = []byte{0}

func (c *Card) isDomain(aid []byte) bool { return bytes.Equal(aid, c.state.aid) }
