package attack

import (
	"ekrona.example/apdu"
	"ekrona.example/apdu/pairing"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// secured are attacks on secure messaging by who stands between phone and card: one answer,
// which says nothing, and the session of the pair is over.
var secured = []Attack{
	{
		Name:    "secure messaging with one bit wrong",
		Threat:  "who stands between has the card ask for another amount, or refuse a Request",
		Defence: "the MAC is over header and every data object, and verified before anything else",
		Clause:  "BSI TR-03110-3 appendix F", Card: Paired, Answers: sw(spec.SWMACWrong),
		Ways: alteredWays(),
	},
	{
		Name:    "secure messaging out of turn",
		Threat:  "a REFUSE that was kept back closes a Request that has been paid since",
		Defence: "the counter is in each MAC, and both nonces in the keys",
		Clause:  "BSI TR-03110-3 appendix F; model/pair.pml COMMAND_ANY_SESSION",
		Card:    Paired, Answers: sw(spec.SWMACWrong),
		Ways: []Way{
			turnWay("replayed", func(all []apdu.Command) ([]apdu.Command, apdu.Command) {
				return all[:1], all[0]
			}),
			turnWay("reordered", func(all []apdu.Command) ([]apdu.Command, apdu.Command) {
				return nil, all[1]
			}),
			turnWay("dropped", func(all []apdu.Command) ([]apdu.Command, apdu.Command) {
				return all[:1], all[2]
			}),
			keptWay("of another session", func(other *Setup) { other.Nonce[0] ^= 1 }),
			keptWay("by another phone's key", func(other *Setup) { other.PairKey[0] ^= 1 }),
		},
	},
	{
		Name:    "secure messaging that is over",
		Threat:  "commands between those of the phone go unseen, or MACs are guessed in a row",
		Defence: "a command in clear, and one that is wrong, ends the session of the pair",
		Clause:  "BSI TR-03110-3 appendix F", Card: Paired, Answers: sw(spec.SWSecureMessaging),
		Ways: []Way{
			authenticatedWay("after a command in clear",
				func(channel *pairing.Channel, _ apdu.Command) (Blow, error) {
					genuine, err := securedCommand(channel, readBalance())
					return Blow{Raw: &genuine,
						Before: []Step{{spec.GetChallenge.Only().APDU(), apdu.OK}}}, err
				}),
			authenticatedWay("after a wrong one",
				func(channel *pairing.Channel, _ apdu.Command) (Blow, error) {
					genuine, err := securedCommand(channel, readBalance())
					wrong := genuine
					wrong.Data = flipped(genuine.Data)
					return Blow{Raw: &genuine, Before: []Step{{wrong, spec.SWMACWrong}}}, err
				}),
			{"not begun", func(s *Setup) (Blow, error) {
				blow, err := phoneRefuses().Make(s)
				blow.Before = nil
				return blow, err
			}},
		},
	},
	{
		Name:    "a command in clear in the session of the pair",
		Threat:  "who stands between reads what the phone may read",
		Defence: "only a command under the phone's keys is the phone's",
		Clause:  "PROTOCOL.md §5, pairing", Card: Paired, Answers: sw(spec.SWSecurity),
		Ways: []Way{
			authenticatedWay("balance", func(*pairing.Channel, apdu.Command) (Blow, error) {
				balance := readBalance()
				return Blow{Raw: &balance}, nil
			}),
			authenticatedWay("after one of the phone's",
				func(channel *pairing.Channel, _ apdu.Command) (Blow, error) {
					genuine, err := securedCommand(channel, readBalance())
					return Blow{Variant: spec.Refuse.Only(), Data: [][]byte{refuseOne()},
						Before: []Step{{genuine, apdu.OK}}}, err
				}),
		},
	},
}

func readBalance() apdu.Command {
	v, _ := spec.GetData.Variant("balance")
	return v.APDU()
}

// refuseOne is the data of REFUSE for the first Request.
func refuseOne() []byte {
	number, err := tlv.Append(nil, spec.TagNumber, []byte{0, 0, 0, 1})
	if err != nil {
		return nil
	}
	return number
}

// phoneRefuses is a REFUSE by the phone, its first command.
func phoneRefuses() Way {
	return authenticatedWay("", func(channel *pairing.Channel, _ apdu.Command) (Blow, error) {
		command, err := securedCommand(channel, spec.Refuse.Only().APDU(refuseOne()))
		return Blow{Raw: &command}, err
	})
}

// alteredWays are a REFUSE of the phone's, altered in each of its parts.
func alteredWays() []Way {
	var ways []Way
	for _, part := range []struct {
		name  string
		alter func(c *apdu.Command)
	}{
		{"class", func(c *apdu.Command) { c.CLA, c.INS, c.P2 = 0x0C, spec.GetData.INS, 0xC4 }},
		{"instruction", func(c *apdu.Command) { c.INS = spec.RequestPayment.INS }},
		{"P1", func(c *apdu.Command) { c.P1 ^= 1 }},
		{"P2", func(c *apdu.Command) { c.P2 ^= 1 }},
		{"DO 87, tag", func(c *apdu.Command) { c.Data[0] ^= 1 }},
		{"DO 87, length", func(c *apdu.Command) { c.Data[1] ^= 1 }},
		{"DO 87, padding", func(c *apdu.Command) { c.Data[2] ^= 1 }},
		{"DO 87, first byte", func(c *apdu.Command) { c.Data[3] ^= 1 }},
		{"DO 87, last byte", func(c *apdu.Command) { c.Data[18] ^= 0x80 }},
		{"DO 97, tag", func(c *apdu.Command) { c.Data[19] ^= 1 }},
		{"DO 97, length", func(c *apdu.Command) { c.Data[20] ^= 1 }},
		{"DO 97, value", func(c *apdu.Command) { c.Data[21] ^= 1 }},
		{"DO 8E, tag", func(c *apdu.Command) { c.Data[22] ^= 1 }},
		{"DO 8E, length", func(c *apdu.Command) { c.Data[23] ^= 1 }},
		{"DO 8E, first byte", func(c *apdu.Command) { c.Data[24] ^= 1 }},
		{"DO 8E, last byte", func(c *apdu.Command) { c.Data[31] ^= 1 }},
		{"DO 97 left out", func(c *apdu.Command) {
			c.Data = append(c.Data[:19:19], c.Data[22:]...)
		}},
		{"DO 87 left out", func(c *apdu.Command) { c.Data = c.Data[19:] }},
		{"DO 8E left out", func(c *apdu.Command) { c.Data = c.Data[:22] }},
		{"nothing but the header", func(c *apdu.Command) { c.Data = nil }},
	} {
		ways = append(ways, Way{part.name, func(s *Setup) (Blow, error) {
			blow, err := phoneRefuses().Make(s)
			if err == nil {
				part.alter(blow.Raw)
			}
			return blow, err
		}})
	}
	return ways
}

// keptWay gives the command that the phone makes where the setup is another.
func keptWay(name string, change func(other *Setup)) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		other := *s
		change(&other)
		kept, err := phoneRefuses().Make(&other)
		if err != nil {
			return Blow{}, err
		}
		blow, err := phoneRefuses().Make(s)
		blow.Raw = kept.Raw
		return blow, err
	}}
}

// turnWay gives commands of one session in another order: some before, which the card takes, and
// the blow.
func turnWay(name string, choose func(all []apdu.Command) ([]apdu.Command, apdu.Command)) Way {
	return authenticatedWay(name, func(channel *pairing.Channel, _ apdu.Command) (Blow, error) {
		var all []apdu.Command
		for range 3 {
			command, err := securedCommand(channel, readBalance())
			if err != nil {
				return Blow{}, err
			}
			all = append(all, command)
		}
		before, next := choose(all)
		blow := Blow{Raw: &next}
		for _, command := range before {
			blow.Before = append(blow.Before, Step{command, apdu.OK})
		}
		return blow, nil
	})
}
