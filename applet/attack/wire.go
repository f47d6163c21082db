package attack

import (
	"fmt"
	"slices"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
)

// wire are attacks by malformed commands, each in a way for every command that reaches the
// applet. The defence of all is that header and length are checked before anything is done.
func wire() []Attack {
	const framing = "header and length are checked before anything is done"
	return []Attack{
		{
			Name:    "command on a logical channel",
			Threat:  "two sessions share what one of them has verified",
			Defence: framing, Clause: "PROTOCOL.md §4",
			Card: Active, Answers: sw(spec.SWChannel),
			Stranger: true,
			Ways: slices.Concat(
				classes("channel 1", func(c byte) byte { return c | 0x01 }, spec.Select),
				classes("channel 4", func(c byte) byte { return c | 0x40 }, spec.Select),
			),
		},
		{
			Name:    "command that says it is secured",
			Threat:  "a MAC that nobody verifies is taken for one",
			Defence: framing, Clause: "PROTOCOL.md §4",
			Card: Active, Answers: sw(spec.SWSecureMessaging),
			Stranger: true,
			Ways: slices.Concat(
				classes("with header", func(c byte) byte { return c | 0x0C }),
				classes("proprietary", func(c byte) byte { return c | 0x04 }),
			),
		},
		{
			Name:    "command of another class",
			Threat:  "one command is taken for another",
			Defence: framing, Clause: "PROTOCOL.md §4",
			Card: Active, Answers: sw(spec.SWClass),
			Stranger: true,
			Ways: slices.Concat(
				classes("the other one's", func(c byte) byte { return c ^ 0x80 }),
				classes("FF", func(byte) byte { return 0xFF }),
			),
		},
		{
			Name:    "command with parameters of no row",
			Threat:  "one command is taken for another",
			Defence: framing, Clause: "PROTOCOL.md §4",
			Card: Active, Answers: sw(spec.SWParameters),
			Stranger: true,
			Ways: everyCommand("", func(v spec.Variant) Blow {
				return raw(apdu.Command{
					CLA: v.Command.CLA, INS: v.Command.INS, P1: 0x55, P2: 0x55,
				})
			}),
		},
		{
			Name:    "command with data of a wrong length",
			Threat:  "the parser reads what a former command has left",
			Defence: framing, Clause: "PROTOCOL.md §4",
			Card: Active, Answers: sw(spec.SWWrongLength),
			Stranger: true,
			Ways: everyCommand("", func(v spec.Variant) Blow {
				tooLong := 1
				if len(v.In) > 0 {
					tooLong = spec.MaxCommand + 1
				}
				return Blow{Variant: v, Data: [][]byte{make([]byte, tooLong)}}
			}),
		},
	}
}

func raw(c apdu.Command) Blow { return Blow{Raw: &c} }

// classes are all commands with another class, but what with it is the platform's: SELECT opens
// a logical channel.
func classes(name string, change func(class byte) byte, platforms ...*spec.Command) []Way {
	return everyCommand(name+", ", func(v spec.Variant) Blow {
		c := v.Command
		return raw(apdu.Command{CLA: change(c.CLA), INS: c.INS, P1: v.P1, P2: v.P2})
	}, platforms...)
}

// everyCommand is a way for each command but some.
func everyCommand(prefix string, make func(v spec.Variant) Blow, but ...*spec.Command) []Way {
	var ways []Way
	for _, c := range spec.Commands {
		if slices.Contains(but, c) {
			continue
		}
		name := fmt.Sprintf("%s%s (%02X)", prefix, c.Name, c.INS)
		ways = append(ways, Way{name, func(*Setup) (Blow, error) {
			return make(c.Variants[0]), nil
		}})
	}
	return ways
}
