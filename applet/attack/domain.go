package attack

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
)

// domains are attacks on what manages the card's content: whoever gets in replaces the applet. None
// would do harm if it succeeded: nothing that is there is named.
var domains = []Attack{
	{
		Name:    "card content managed without a secure channel",
		Threat:  "anybody loads, deletes or replaces applets and keys",
		Defence: "the security domain wants an authenticated host",
		Clause:  "GPC 2.3.1 §10.2, §11", Card: Managed, Stranger: true,
		Answers: sw(apdu.SWSecurity, apdu.SWConditions),
		Ways: []Way{
			domainWay("DELETE", gpc.InsDelete, 0, 0, "4F05F000000001"),
			domainWay("INSTALL for load", gpc.InsInstall, 0x02, 0, "05F00000000100000000"),
			domainWay("INSTALL for install", gpc.InsInstall, 0x0C, 0,
				"05F00000000105F00000000105F0000000010100"+"02C90000"),
			domainWay("LOAD", gpc.InsLoad, 0x80, 0, "C40401020304"),
			domainWay("PUT KEY", gpc.InsPutKey, 0, 0x81, "01"),
			domainWay("SET STATUS", gpc.InsSetStatus, 0x40, 0x80, "F000000001"),
			domainWay("STORE DATA", gpc.InsStoreData, 0x80, 0, "5000"),
			domainWay("GET STATUS", gpc.InsGetStatus, gpc.StatusApplications, gpc.StatusTLV,
				"4F00"),
		},
	},
	{
		Name:    "command that says it is secured, before a secure channel",
		Threat:  "a MAC that nobody verifies is taken for one",
		Defence: "the security domain wants an authenticated host",
		Clause:  "GPC Amendment D 1.1.2 §6.2", Card: Managed, Stranger: true,
		Answers: sw(apdu.SWSecurity, apdu.SWConditions),
		Ways: []Way{{"", func(*Setup) (Blow, error) {
			return raw(apdu.Command{CLA: gpc.ClassSecure, INS: gpc.InsGetStatus,
				P1: gpc.StatusApplications, P2: gpc.StatusTLV, Data: make([]byte, 10)}), nil
		}}},
	},
	{
		Name:    "EXTERNAL AUTHENTICATE before INITIALIZE UPDATE",
		Threat:  "a cryptogram that was heard opens a channel without a challenge",
		Defence: "each session has a challenge of the card's",
		Clause:  "GPC Amendment D 1.1.2 §7.1.2", Card: Managed, Stranger: true,
		Answers: sw(apdu.SWConditions, apdu.SWSecurity),
		Ways:    []Way{{"", func(*Setup) (Blow, error) { return raw(authenticateHost(0)), nil }}},
	},
	{
		Name:    "EXTERNAL AUTHENTICATE with a made-up cryptogram",
		Threat:  "whoever has no key manages the card",
		Defence: "host cryptogram and MAC are verified, and tries counted",
		Clause:  "GPC Amendment D 1.1.2 §7.1.2", Card: Managed, Stranger: true,
		Destroys: "one of the tries that a security domain may count",
		Answers:  sw(apdu.SWNotAuthentic, apdu.SWSecurity, apdu.SWConditions),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			update, err := initialize(s)
			blow := raw(authenticateHost(0xA5))
			blow.Before = []Step{{update, apdu.OK}}
			return blow, err
		}}},
	},
	{
		Name:    "secure channel by a key set that is not there",
		Threat:  "a key of zeros is taken where none is stored",
		Defence: "the key version is looked up",
		Clause:  "GPC Amendment D 1.1.2 §7.1.1", Card: Managed, Stranger: true,
		Answers: sw(apdu.SWNotFound, apdu.SWWrongP1P2, apdu.SWConditions),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			update, err := initialize(s)
			update.P1 = 0x6F // no key version of a card's own keys: GPC 2.3.1 §11.8.2.2
			return raw(update), err
		}}},
	},
	{
		Name:    "secure channel by the keys that are published for tests",
		Threat:  "anybody replaces the applet of a card that was issued with its vendor's keys",
		Defence: "the issuer replaces the keys before a card is issued",
		Clause:  "GPC 2.3.1 §5.1", Card: Issued,
		Stranger: true, Answers: sw(apdu.OK),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			update, err := initialize(s)
			blow := raw(update)
			blow.Holds = func(answer []byte) error { return foreignKeys(update.Data, answer) }
			return blow, err
		}}},
	},
	{
		Name:    "secured command of the manager's, altered or given again",
		Threat:  "who stands between the issuer and a card alters what is loaded",
		Defence: "each MAC is over the one before, and a wrong one ends the session",
		Clause:  "GPC Amendment D 1.1.2 §6.2.4", Card: Managed,
		Answers: sw(apdu.SWSecurity), Control: manages,
		Ways: []Way{
			tamperedWay("altered", func(c apdu.Command) []apdu.Command {
				c.Data = flipped(c.Data)
				return []apdu.Command{c}
			}),
			tamperedWay("header altered", func(c apdu.Command) []apdu.Command {
				c.P1 ^= 0xC0
				return []apdu.Command{c}
			}),
			tamperedWay("given twice", func(c apdu.Command) []apdu.Command {
				return []apdu.Command{c, c}
			}),
			tamperedWay("without its MAC", func(c apdu.Command) []apdu.Command {
				c.CLA, c.Data = gpc.ClassPlain, []byte{0x4F, 0}
				return []apdu.Command{c}
			}),
		},
	},
}

// SelectDomain is SELECT of the card's issuer security domain.
func SelectDomain() apdu.Command {
	return apdu.Command{CLA: gpc.ClassISO, INS: gpc.InsSelect, P1: gpc.P1ByName,
		Ne: apdu.MaxShortNe}
}

// getKeys is GET DATA of the key information template (GPC 2.3.1 §11.3.3.1).
func getKeys() apdu.Command {
	return apdu.Command{CLA: gpc.ClassPlain, INS: gpc.InsGetData, P2: byte(gpc.TagKeyTemplate),
		Ne: apdu.MaxShortNe}
}

// domainWay is a command of content management.
func domainWay(name string, ins, p1, p2 byte, data string) Way {
	return Way{name, func(*Setup) (Blow, error) {
		content, err := apdu.ParseHex(data)
		return raw(apdu.Command{CLA: gpc.ClassPlain, INS: ins, P1: p1, P2: p2, Data: content}), err
	}}
}

// initialize is INITIALIZE UPDATE with a random challenge.
func initialize(s *Setup) (apdu.Command, error) {
	c := apdu.Command{CLA: gpc.ClassPlain, INS: gpc.InsInitializeUpdate, Data: make([]byte, 8),
		Ne: apdu.MaxShortNe}
	if err := entropy.Fill(s.Random, c.Data); err != nil {
		return c, fmt.Errorf("attack: %w", err)
	}
	return c, nil
}

// authenticateHost is EXTERNAL AUTHENTICATE with a cryptogram and a MAC of one byte's value.
func authenticateHost(filler byte) apdu.Command {
	return apdu.Command{CLA: gpc.ClassSecure, INS: gpc.InsExternalAuthenticate, P1: 0x01,
		Data: bytes.Repeat([]byte{filler}, 16)}
}

// offers is the control of attacks on a security domain: it begins a secure channel.
var offers = Control{Managed, func(s *Setup) (Blow, error) {
	update, err := initialize(s)
	return raw(update), err
}}

// foreignKeys reports an error if a card's answer to INITIALIZE UPDATE is by the keys that are
// published for tests.
func foreignKeys(host, answer []byte) error {
	offer, err := scp03.ParseOffer(answer)
	if err != nil {
		return err
	}
	responder, err := scp03.NewResponder(scp03.TestKeys(), host, offer.Challenge)
	if err != nil {
		return err
	}
	published, err := responder.Cryptogram()
	if err == nil && bytes.Equal(published, offer.Cryptogram) {
		err = ErrPublishedKeys
	}
	return err
}

// ErrPublishedKeys says that a card can be managed by anybody.
var ErrPublishedKeys = errors.New(
	"the card's security domain has the keys that are published for tests")

// manages is a command of the manager's in a secure channel.
var manages = Control{Managed, tampered(func(c apdu.Command) []apdu.Command {
	return []apdu.Command{c}
}, true)}

func tamperedWay(name string, change func(c apdu.Command) []apdu.Command) Way {
	return Way{name, tampered(change, false)}
}

// tampered sends others in place of the manager's first secured command; the last must be refused,
// or carried out, and after a refusal nothing more is.
func tampered(
	change func(c apdu.Command) []apdu.Command, succeeds bool,
) func(s *Setup) (Blow, error) {
	return func(s *Setup) (Blow, error) {
		return Blow{Act: func(ctx context.Context, card apdu.Card) error {
			var answers []apdu.StatusWord
			between := apdu.CardFunc(func(ctx context.Context, c apdu.Command) (
				apdu.Response, error,
			) {
				if c.CLA != gpc.ClassSecure || c.INS != gpc.InsGetStatus {
					return card.Transmit(ctx, c)
				}
				for _, other := range change(c) {
					r, err := card.Transmit(ctx, other)
					if err != nil {
						return r, err
					}
					answers = append(answers, r.SW)
				}
				return apdu.Response{SW: apdu.SWSecurity}, nil
			})
			channel, err := scp03.Open(ctx, between,
				scp03.Options{Keys: s.DomainKeys, Level: scp03.CMAC})
			if err != nil {
				return err
			}
			status := apdu.Command{CLA: gpc.ClassPlain, INS: gpc.InsGetStatus, P1: gpc.StatusISD,
				P2: gpc.StatusTLV, Data: []byte{0x4F, 0}, Ne: apdu.MaxShortNe}
			_, _ = channel.Transmit(ctx, status) // what was answered is in answers
			if succeeds {
				return judge(answers, apdu.OK)
			}
			return judge(answers, apdu.SWSecurity)
		}}, nil
	}
}

// judge reports an error if the last answer is not the right one.
func judge(answers []apdu.StatusWord, right apdu.StatusWord) error {
	if len(answers) == 0 {
		return errors.New("no command was sent in the secure channel")
	}
	if last := answers[len(answers)-1]; last != right {
		return fmt.Errorf("the secured command was answered %s, and %s is right", last.String(),
			right.String())
	}
	return nil
}
