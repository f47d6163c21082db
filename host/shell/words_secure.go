package shell

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/emulator/card"
)

// secureWords are about keys, secure channels and the choice of an application.
func secureWords() []Word {
	return []Word{
		{Name: "select", Usage: "select [AID|next]",
			Help: "select an application by its AID or its beginning; without, the card manager",
			Complete: func(s *Session, _ []string, _ string) []string {
				return append(s.aids(nil), KnownAIDs()...)
			}, Sends: true, Run: selectWord},
		{Name: "verify", Usage: "verify [REFERENCE] [iso2|ascii|bcd]", Sends: true,
			Help: "send a PIN that you are asked for, as reference 80 in format 2 if not said",
			Complete: func(*Session, []string, string) []string {
				return []string{pinISO2, pinASCII, pinBCD}
			}, Plain: plainVerify, Run: verify},
		{Name: "keys", Usage: "keys",
			Help:  "the key sets of the card manager, which is selected",
			Plain: func(arguments []string) bool { return len(arguments) == 0 }, Run: keys},
		{Name: "secure", Usage: "secure KEYS|off [LEVEL] [VERSION]",
			Help: "open SCP03 to the card manager: until off or reset every line goes through " +
				"it, but for MANAGE CHANNEL and other logical channels",
			Complete: func(_ *Session, before []string, last string) []string {
				switch len(before) {
				case 0:
					return append([]string{"test", off}, Files(nil, nil, last)...)
				case 1:
					return []string{"00", "01", "03", "11", "13", "33"}
				}
				return nil
			}, Plain: plainSecure, Run: secure},
	}
}

const off = "off"

// leaveChannel has commands go to the card without the secure channel.
func (s *Session) leaveChannel() { s.client, s.top = nil, s.wire }

// besides has a secure channel, which is on the basic logical channel, carry what can go over it:
// what is for another logical channel goes to the card in the clear, and so does MANAGE CHANNEL,
// which takes no secure messaging (GPC 2.3.1 §11.7, JCRE 3.0.4 §4.5.1).
func (s *Session) besides(secured apdu.Card) apdu.Card {
	return apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		manages := c.INS == apdu.InsManageChannel && c.CLA&apdu.ClassProprietary == 0
		if apdu.ChannelOf(c.CLA) == 0 && !manages {
			return secured.Transmit(ctx, c)
		}
		s.Note("sent in the clear: the secure channel carries no MANAGE CHANNEL, and nothing for " +
			"other logical channels")
		return s.wire.Transmit(ctx, c)
	})
}

// whole takes whole commands and says what it adds.
func (s *Session) whole(c apdu.Card) apdu.Card {
	return apdu.Framing{ExtendedLength: s.target.ExtendedLength, Card: apdu.CardFunc(
		func(ctx context.Context, command apdu.Command) (apdu.Response, error) {
			if command.INS == apdu.InsGetResponse && command.CLA&apdu.ClassProprietary == 0 {
				s.Note("sent GET RESPONSE, Le %02X", byte(command.Ne))
			}
			return c.Transmit(ctx, command)
		})}
}

func selectWord(ctx context.Context, s *Session, arguments []string) (Answer, error) {
	c := apdu.Command{INS: gpc.InsSelect, P1: gpc.P1ByName, Ne: apdu.MaxShortNe}
	switch {
	case len(arguments) > 1:
		return Answer{}, Usage("one AID at most")
	case len(arguments) == 1 && arguments[0] == "next":
		if s.selected == nil {
			return Answer{}, errors.New("next of what? select an AID or its beginning first")
		}
		c.P2, c.Data = nextOccurrence, s.selected
	case len(arguments) == 1:
		aid, err := apdu.ParseHex(arguments[0])
		if err != nil || len(aid) == 0 || len(aid) > gpc.MaxAIDLength {
			return Answer{}, Usage("an AID in hex has 1 to %d bytes", gpc.MaxAIDLength)
		}
		c.Data, s.selected = aid, aid
	}
	s.leaveChannel() // which a SELECT ends (GPC 2.3.1 §11.9)
	return s.Exchange(ctx, c)
}

// nextOccurrence in P2 of SELECT asks for the next application of a name (ISO/IEC 7816-4:2013
// §11.1.1).
const nextOccurrence = 0x02

// Exchange sends a whole command for a word. The answer is the response; a status word other than
// 9000 is in it, and is no error.
func (s *Session) Exchange(ctx context.Context, c apdu.Command) (Answer, error) {
	s.mute = false
	r, err := s.whole(s.top).Transmit(ctx, c)
	switch {
	case ctx.Err() != nil:
		return Answer{}, ctx.Err()
	case err != nil:
		return Answer{}, s.unanswered(err)
	}
	return Answer{Line: r.String(), sent: &sent{c, r}}, nil
}

// Formats of a PIN.
const (
	pinISO2  = "iso2"  // ISO 9564-1 format 2, 8 bytes
	pinASCII = "ascii" // a byte for each digit
	pinBCD   = "bcd"   // two digits a byte, filled up with F
)

func verify(ctx context.Context, s *Session, arguments []string) (Answer, error) {
	const usual = 0x80
	reference, format := uint64(usual), pinISO2
	for _, a := range arguments {
		switch a {
		case pinISO2, pinASCII, pinBCD:
			format = a
		default:
			var err error
			if reference, err = strconv.ParseUint(a, 16, 8); err != nil || len(a) != 2 {
				return Answer{}, Usage("an argument is neither a reference of two hex digits nor " +
					"a format; a PIN is asked for, and never typed on the line")
			}
		}
	}
	if s.options.Secret == nil {
		return Answer{}, errors.New("nobody can be asked for a PIN here")
	}
	digits, err := s.options.Secret(ctx)
	if err != nil {
		return Answer{}, err
	}
	data, err := pinBlock(digits, format)
	if err != nil {
		return Answer{}, err
	}
	defer clear(data)
	return s.Exchange(ctx, apdu.Command{INS: insVerify, P2: byte(reference), Data: data})
}

// plainVerify reports that the arguments of verify hold no PIN: at most one reference, and formats.
func plainVerify(arguments []string) bool {
	references := 0
	for _, a := range arguments {
		switch {
		case a == pinISO2, a == pinASCII, a == pinBCD:
		case byteOfHex.MatchString(a):
			references++
		default:
			return false
		}
	}
	return references < 2
}

// plainSecure reports that the arguments of secure hold no key: the first does not look like one,
// and the level and the version are a byte each.
func plainSecure(arguments []string) bool {
	if len(arguments) == 0 {
		return true
	}
	levels := arguments[1:]
	return !LooksSecret(arguments[0]) && len(levels) <= 2 &&
		!slices.ContainsFunc(levels, func(a string) bool { return !byteOfHex.MatchString(a) })
}

// quoted is an argument as an error has it: of what may be part of a key only that it is there.
func quoted(argument string) string {
	if len(argument) > 2 && LooksSecret(argument) {
		return "what is given"
	}
	return strconv.Quote(apdu.Brief(argument))
}

var (
	byteOfHex = regexp.MustCompile(`^[0-9A-Fa-f]{2}$`)
	onlyHex   = regexp.MustCompile(`^(0[xX])?[0-9A-Fa-f:.,_-]+$`)
	manyHex   = regexp.MustCompile(`[0-9A-Fa-f]{4}`)
)

// LooksSecret reports that a text, given where a name is wanted, may be a key or a PIN: it is
// nothing but hex digits, or has four of them in a row.
func LooksSecret(text string) bool {
	return onlyHex.MatchString(text) || manyHex.MatchString(text)
}

// insVerify is VERIFY (ISO/IEC 7816-4:2013 §11.5.6).
const insVerify = 0x20

// pinBlock is a PIN as VERIFY has it.
func pinBlock(digits, format string) ([]byte, error) {
	const shortest, longest = 4, 12
	if len(digits) < shortest || len(digits) > longest || strings.Trim(digits, "0123456789") != "" {
		return nil, fmt.Errorf("a PIN has %d to %d digits", shortest, longest)
	}
	if format == pinASCII {
		return []byte(digits), nil
	}
	text := digits
	if format == pinISO2 {
		const nibbles = 16
		text = fmt.Sprintf("2%X%s", len(digits), digits)
		text += strings.Repeat("F", nibbles-len(text))
	} else if len(text)%2 != 0 {
		text += "F"
	}
	return apdu.ParseHex(text)
}

func keys(ctx context.Context, s *Session, arguments []string) (Answer, error) {
	if err := Nothing(arguments); err != nil {
		return Answer{}, err
	}
	inside := s.top
	if s.client == nil {
		if _, err := globalplatform.Select(ctx, s.whole(s.wire), nil); err != nil {
			return Answer{}, err
		}
		inside = s.whole(s.wire)
	}
	found, err := globalplatform.Keys(ctx, inside)
	if err != nil {
		return Answer{}, err
	}
	var parts []string
	for _, k := range found {
		parts = append(parts, fmt.Sprintf("version %02X number %d %s", k.Version, k.ID,
			gpc.KeyTypeName(k.Type, k.Length)))
	}
	return Answer{Line: strings.Join(parts, "; "), Text: strings.Join(parts, "\n"),
		Value: found}, nil
}

func secure(ctx context.Context, s *Session, arguments []string) (Answer, error) {
	if len(arguments) < 1 || len(arguments) > 3 {
		return Answer{}, Usage("keys or %q, a level, a key version", off)
	}
	if arguments[0] == off {
		s.leaveChannel()
		return OK, nil
	}
	if s.options.Keys == nil {
		return Answer{}, errors.New("no keys can be read here")
	}
	source, err := s.options.Keys(arguments[0])
	if err != nil {
		return Answer{}, err
	}
	o := scp03.Options{Keys: source, Strongest: true, Random: s.options.Random}
	if len(arguments) > 1 {
		level, err := strconv.ParseUint(arguments[1], 16, 8)
		if err != nil || !scp03.Level(level).Valid() {
			return Answer{}, Usage("%s is no level: 00, 01, 03, 11, 13 or 33",
				quoted(arguments[1]))
		}
		o.Level, o.Strongest = scp03.Level(level), false
	}
	if len(arguments) > 2 {
		version, err := strconv.ParseUint(arguments[2], 16, 8)
		if err != nil {
			return Answer{}, Usage("%s is no key version, 01 to FF", quoted(arguments[2]))
		}
		o.KeyVersion = byte(version)
	}
	s.leaveChannel()
	client, err := globalplatform.Open(ctx, s.whole(s.wire), nil, o)
	if err != nil {
		return Answer{}, err
	}
	client.Watch(s.Above)
	s.client, s.top = client, s.besides(client.Card())
	return Answer{Line: fmt.Sprintf("%s with key set %02X", client.Level(), client.KeyVersion()),
		Value: channelValue{client.Level().String(), client.KeyVersion(),
			card.AID(client.Domain().AID).String()}}, nil
}

// channelValue is a secure channel, for a program.
type channelValue struct {
	Level      string `json:"level"`
	KeyVersion byte   `json:"key_version"`
	Domain     string `json:"domain"`
}
