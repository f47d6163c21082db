package attack

import (
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
)

// chains are attacks by commands in parts that are broken off (ISO/IEC 7816-4:2013 §5.3.3).
var chains = []Attack{
	{
		Name:    "command before a chain has ended",
		Threat:  "what one command brought is taken for another's",
		Defence: "a part is followed by a part of the same command, or all is forgotten",
		Clause:  "PROTOCOL.md §4", Card: Active, Answers: sw(spec.SWLastChainedExpected),
		Stranger: true,
		Ways:     afterPart(),
	},
	{
		Name:    "chain that is too long",
		Threat:  "data behind the buffer's end overwrite what the applet keeps there",
		Defence: "a chain ends where it passes the longest command",
		Clause:  "PROTOCOL.md §4; ISO/IEC 7816-4:2013 §5.3.3", Card: Active, Stranger: true,
		Answers: sw(spec.SWWrongLength),
		Ways: []Way{
			tooLong("PAY", spec.Pay.Only()), tooLong("ACCEPT", spec.Accept.Only()),
			tooLong("PSO VERIFY CERTIFICATE", spec.VerifyCertificate.Only()),
			tooLong("INSTRUCTION", spec.Instruct.Only()),
			tooLong("PUT DATA", spec.PutData.Only()),
		},
	},
	{
		Name:    "PIN that a broken chain has left",
		Threat:  "the owner's PIN, typed into one session, is verified in an attacker's",
		Defence: "whatever is refused breaks a chain off, and what it brought is forgotten",
		Clause:  "PROTOCOL.md §4", Card: Active, Answers: sw(spec.SWPINWrong | spec.PINTries),
		Ways: []Way{
			leftBy("another command", spec.SWLastChainedExpected,
				func(apdu.Command) apdu.Command {
					balance, _ := spec.GetData.Variant("balance")
					return balance.APDU()
				}),
			leftBy("another reference", spec.SWLastChainedExpected,
				func(apdu.Command) apdu.Command {
					enciphered, _ := spec.Verify.Variant("enciphered")
					return enciphered.APDU()
				}),
			leftBy("an instruction of no row", spec.SWInstruction,
				func(apdu.Command) apdu.Command { return apdu.Command{INS: 0x02} }),
			leftBy("the class of other rows", spec.SWClass,
				func(c apdu.Command) apdu.Command { c.CLA = spec.Pay.CLA; return c }),
			leftBy("secure messaging", spec.SWSecureMessaging,
				func(c apdu.Command) apdu.Command { c.CLA = 0x0C; return c }),
			leftBy("SELECT", apdu.OK, func(apdu.Command) apdu.Command { return selectCommand() }),
			{"more data than fit", func(s *Setup) (Blow, error) {
				first, whole := partOfPIN(s)
				more := first
				more.Data = make([]byte, apdu.MaxShortData)
				before := []Step{{first, apdu.OK}}
				for n := len(first.Data) + len(more.Data); n <= spec.MaxCommand; {
					before, n = append(before, Step{more, apdu.OK}), n+len(more.Data)
				}
				before = append(before, Step{more, spec.SWWrongLength})
				return Blow{Before: before, Raw: &whole}, nil
			}},
		},
	},
	{
		Name:    "GET RESPONSE where nothing waits",
		Threat:  "what the last command left in the buffer is read by whoever comes next",
		Defence: "an announced answer alone is brought, once, and not after another command",
		Clause:  "PROTOCOL.md §4; ISO/IEC 7816-4:2013 §5.3.4", Card: Active, Stranger: true,
		Control: draws, Answers: sw(spec.SWConditions),
		Ways: []Way{
			fetchedAfter("SELECT", func() []Step { return nil }),
			fetchedAfter("a whole answer", func() []Step {
				return []Step{{spec.GetChallenge.Only().APDU(), apdu.OK}}
			}),
			fetchedAfter("a refused command", func() []Step {
				unknown := apdu.Command{INS: 0x02, Data: []byte("a secret")}
				return []Step{{unknown, spec.SWInstruction}}
			}),
			fetchedAfter("a GET RESPONSE that was refused", func() []Step {
				return []Step{{fetch(), spec.SWConditions}}
			}),
			fetchedAfter("a command in secure messaging that was refused", func() []Step {
				c := spec.GetChallenge.Only().APDU()
				c.CLA |= 0x0C
				return []Step{{c, spec.SWSecureMessaging}}
			}),
		},
	},
}

// fetch is GET RESPONSE of all that there is.
func fetch() apdu.Command {
	return apdu.Command{CLA: spec.GetResponse.CLA, INS: spec.GetResponse.INS, Ne: apdu.MaxShortNe}
}

// fetchedAfter is GET RESPONSE after commands whose answers were whole.
func fetchedAfter(name string, before func() []Step) Way {
	return Way{name, func(*Setup) (Blow, error) {
		blow := raw(fetch())
		blow.Before = before()
		return blow, nil
	}}
}

// tooLong is a chain of zeros, whose last part has more than a command may bring.
func tooLong(name string, v spec.Variant) Way {
	return Way{name, func(*Setup) (Blow, error) {
		part := apdu.Command{CLA: v.Command.CLA | apdu.ClassChaining, INS: v.Command.INS, P1: v.P1,
			P2: v.P2, Data: make([]byte, apdu.MaxShortData)}
		blow := raw(part)
		for n := len(part.Data); n <= spec.MaxCommand; n += len(part.Data) {
			blow.Before = append(blow.Before, Step{part, apdu.OK})
		}
		return blow, nil
	}}
}

// partOfPIN is VERIFY with the right PIN as the first part of a chain, and without data.
func partOfPIN(s *Setup) (part, whole apdu.Command) {
	plaintext, _ := spec.Verify.Variant("plaintext")
	part = plaintext.APDU(s.PIN)
	part.CLA |= apdu.ClassChaining
	part.Ne = 0
	return part, apdu.Command{CLA: spec.Verify.CLA, INS: spec.Verify.INS, P1: plaintext.P1,
		P2: plaintext.P2}
}

// leftBy is VERIFY without data, after a chain with the PIN that another command breaks off.
func leftBy(
	name string, answer apdu.StatusWord, other func(whole apdu.Command) apdu.Command,
) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		part, whole := partOfPIN(s)
		return Blow{
			Before: []Step{{part, apdu.OK}, {other(whole), answer}}, Raw: &whole,
		}, nil
	}}
}

// afterPart is every command after the first part of another, but SELECT: a name that the card
// has begins a session, and without one it selects the card's manager.
func afterPart() []Way {
	var ways []Way
	for _, c := range spec.Commands {
		if c == spec.Select {
			continue
		}
		begun := spec.Pay
		if c == spec.Pay {
			begun = spec.Accept
		}
		part := apdu.Command{CLA: begun.CLA | apdu.ClassChaining, INS: begun.INS,
			Data: []byte{0xE1}}
		v := c.Variants[0]
		whole := apdu.Command{CLA: c.CLA, INS: c.INS, P1: v.P1, P2: v.P2}
		ways = append(ways, Way{fmt.Sprintf("%s (%02X)", c.Name, c.INS),
			func(*Setup) (Blow, error) {
				return Blow{Before: []Step{{part, apdu.OK}}, Raw: &whole}, nil
			}})
	}
	return ways
}
