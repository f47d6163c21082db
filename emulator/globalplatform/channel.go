package globalplatform

import (
	"errors"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
)

// Parameters i that the card answers with (Amd D 1.2 table 5-1): R-MAC and R-ENC,
// pseudo-random challenges; and cryptograms of 8 or 16 bytes, whichever the host's
// challenge asks for.
const (
	parameterS8  = 0x70
	parameterS16 = 0x71
)

// session is a secure channel from INITIALIZE UPDATE on.
type session struct {
	responder *scp03.Responder
	version   byte        // of the key set
	least     scp03.Level // that EXTERNAL AUTHENTICATE asked for
	dek       []byte      // Key-DEK of the key set, under which new keys come
	aborted   bool
}

func (s *session) authenticated() bool {
	return s != nil && !s.aborted && s.responder.Authenticated()
}

// endSession also ends what extends over several commands.
func (c *Card) endSession() {
	c.session, c.loading, c.chain, c.listing, c.stored, c.target = nil, nil, nil, nil, stored{}, nil
}

// classInvalid is no class of a command (ISO/IEC 7816-4:2013 §5.4.1).
const classInvalid = 0xFF

// manageChannel has the card below open or close a logical channel. On one that is opened from the
// basic channel the issuer security domain is selected (GPC 2.3.1 §6.4, §11.7), on one from another
// what is selected there.
func (c *Card) manageChannel(raw []byte) (apdu.Response, error) {
	if c.state.life == gpc.Terminated {
		return apdu.Response{SW: apdu.SWConditions}, nil
	}
	origin, open := c.channel, [apdu.MaxChannels]bool{}
	for n := range open {
		open[n] = c.card.IsOpen(n)
	}
	wasDomain := c.selected
	response, err := c.below(raw)
	if err != nil {
		return response, err
	}
	if origin != 0 && !c.card.IsOpen(origin) {
		c.use(0)
	}
	for n := range open {
		if is := c.card.IsOpen(n); is != open[n] && n != c.channel {
			c.others[n] = conversation{selected: is && (origin == 0 || wasDomain)}
		} else if !is {
			c.others[n] = conversation{}
		}
	}
	return response, nil
}

// secured takes a command's protection off, carries it out, and protects the
// response (Amd D §5.6).
func (c *Card) secured(command apdu.Command) (apdu.Response, error) {
	command, answer := c.collect(command)
	if answer != nil {
		return *answer, nil
	}
	switch class := command.CLA &^ gpc.SecureBit; {
	case class&^apdu.ClassChaining == gpc.ClassISO && class != gpc.ClassISO,
		class&^apdu.ClassChaining == gpc.ClassPlain && class != gpc.ClassPlain:
		return apdu.Response{SW: apdu.SWChaining}, nil
	case class != gpc.ClassISO && class != gpc.ClassPlain:
		return apdu.Response{SW: apdu.SWClass}, nil
	case c.state.life != gpc.Terminated && command.CLA == gpc.ClassPlain &&
		command.INS == gpc.InsInitializeUpdate:
		return c.answered(c.initializeUpdate(command))
	case c.state.life != gpc.Terminated && command.CLA == gpc.ClassSecure &&
		command.INS == gpc.InsExternalAuthenticate:
		return c.answered(c.externalAuthenticate(command))
	case c.session != nil && c.session.aborted:
		return apdu.Response{SW: apdu.SWSecurity}, nil
	case !c.session.authenticated():
		if command.CLA&gpc.SecureBit != 0 {
			return apdu.Response{SW: apdu.SWSecurity}, nil
		}
		return c.handle(command)
	}
	s := c.session
	plain, err := s.responder.Unwrap(command)
	if err != nil {
		c.endSession()
		s.aborted = true
		c.session = s
		return apdu.Response{SW: apdu.SWSecurity}, nil
	}
	response, err := c.handle(plain)
	if err != nil {
		return apdu.Response{}, err
	}
	return s.responder.Wrap(response)
}

// answered makes a response of what a handler gives.
func (c *Card) answered(data []byte, err error) (apdu.Response, error) {
	var sw apdu.StatusWord
	if errors.As(err, &sw) {
		return apdu.Response{SW: sw}, nil
	}
	return apdu.Response{Data: data, SW: apdu.OK}, err
}

// initializeUpdate is INITIALIZE UPDATE (Amd D §7.1.1).
func (c *Card) initializeUpdate(command apdu.Command) ([]byte, error) {
	c.endSession()
	parameter := byte(parameterS8)
	switch len(command.Data) {
	case 8:
	case 16:
		parameter = parameterS16
	default:
		return nil, apdu.SWWrongLength
	}
	if command.P2 > gpc.FirstKeyID {
		return nil, apdu.SWWrongP1P2
	}
	set, keys, ok := c.state.keySetOf(command.P1)
	switch {
	case !ok:
		return nil, apdu.SWNotFound
	case set.tries == 0:
		return nil, apdu.SWBlocked
	case set.sequence == 0xFFFFFF:
		return nil, apdu.SWConditions
	}
	version, n := set.version, set.sequence+1
	if err := c.update(func(s *state) { s.set(version).sequence = n }); err != nil {
		return nil, err
	}
	sequence := [3]byte{byte(n >> 16), byte(n >> 8), byte(n)}
	challenge, err := scp03.CardChallenge(keys, sequence, c.state.aid, len(command.Data))
	if err != nil {
		return nil, err
	}
	responder, err := scp03.NewResponder(keys, command.Data, challenge)
	if err != nil {
		return nil, err
	}
	cryptogram, err := responder.Cryptogram()
	if err != nil {
		return nil, err
	}
	c.session = &session{responder: responder, version: version, dek: keys.DEK}
	return scp03.Offer{
		Diversification: c.state.identity, KeyVersion: version, Parameter: parameter,
		Challenge: challenge, Cryptogram: cryptogram, Sequence: sequence[:],
	}.Encode(), nil
}

func (s *state) set(version byte) *keySet {
	for i := range s.sets {
		if s.sets[i].version == version {
			return &s.sets[i]
		}
	}
	return &keySet{}
}

// externalAuthenticate is EXTERNAL AUTHENTICATE (Amd D §7.1.2). A try is taken before
// the cryptogram is checked, so that withdrawing the card saves none.
func (c *Card) externalAuthenticate(command apdu.Command) ([]byte, error) {
	s := c.session
	switch {
	case s == nil || s.aborted || s.responder.Authenticated():
		return nil, apdu.SWConditions
	case command.P2 != 0 || !scp03.Level(command.P1).Valid():
		return nil, apdu.SWWrongP1P2
	}
	tries := c.state.set(s.version).tries
	if tries == 0 {
		c.endSession()
		return nil, apdu.SWBlocked
	}
	if err := c.update(func(st *state) { st.set(s.version).tries = tries - 1 }); err != nil {
		return nil, err
	}
	if s.responder.Authenticate(command) != nil {
		c.endSession()
		return nil, apdu.SWNotAuthentic
	}
	s.least = s.responder.Level()
	return nil, c.update(func(st *state) { st.set(s.version).tries = maxTries })
}
