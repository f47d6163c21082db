package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/applet/glitch"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/progress"
)

// glitchAnswer is a campaign of faults, for a script.
type glitchAnswer struct {
	Cases     int          `json:"cases"`
	Commands  int          `json:"commands"`
	Possible  int          `json:"possible"` // single faults that there are
	Faults    int          `json:"faults"`   // tried
	Gains     int          `json:"gains"`
	Garbled   int          `json:"garbled"` // of the gains, those that only garble what is signed
	Pairs     int          `json:"pairs"`
	PairGains int          `json:"pair_gains"`
	Lines     []glitchLine `json:"lines"`
	Open      int          `json:"open"`   // groups of gains without a reason
	Stale     []string     `json:"stale"`  // reasons for gains that are gone
	Broken    []string     `json:"broken"` // cases that could not be tried
	Untried   int          `json:"untried"`
}

type glitchLine struct {
	Place glitch.Place  `json:"place"`
	Gains []glitchGroup `json:"gains"`
}

type glitchGroup struct {
	Kinds  []glitch.Kind `json:"kinds"`
	Model  string        `json:"model"`
	Count  int           `json:"count"`
	Reason string        `json:"reason,omitempty"`
	Open   bool          `json:"open"`
	First  glitch.Found  `json:"first"`
}

func glitchAnswerOf(r *glitch.Report) glitchAnswer {
	a := glitchAnswer{Cases: r.Cases, Commands: r.Commands, Possible: r.Possible, Faults: r.Faults,
		Gains: r.Gains, Garbled: r.Weak, Pairs: r.Pairs, PairGains: r.PairGains,
		Lines: []glitchLine{}, Open: r.Open, Stale: append([]string{}, r.Stale...),
		Broken: append([]string{}, r.Broken...), Untried: r.Untried}
	for _, l := range r.Lines {
		line := glitchLine{Place: l.Place, Gains: []glitchGroup{}}
		for _, g := range l.Gains {
			line.Gains = append(line.Gains,
				glitchGroup{g.Kinds, g.Model, g.Count, g.Reasons, g.Open, g.First})
		}
		a.Lines = append(a.Lines, line)
	}
	return a
}

// repetition is one fault repeated, for a script.
type repetition struct {
	Fault    string         `json:"fault"`
	Places   []glitch.Place `json:"places"`
	Path     []glitch.Place `json:"path"`
	Command  string         `json:"command"`
	Without  string         `json:"without"` // the answer without the fault
	With     string         `json:"with"`    // and with it; "" of a mute card
	Mute     string         `json:"mute,omitempty"`
	Happened int            `json:"happened"` // of the faults
	Gains    []oneGain      `json:"gains"`
	Then     []following    `json:"then"` // what is answered afterwards, without faults
}

// following is a command that follows the one with a fault.
type following struct {
	Command string `json:"command"` // "reset" for one
	Answer  string `json:"answer"`  // its status word; "" of a mute card
	// Usual is without the fault, each without a reset and with one: after the command that it
	// hits, before it, and before it with its randomness drawn.
	Usual []string `json:"usual"`
}

type oneGain struct {
	Kind   glitch.Kind `json:"kind"`
	Detail string      `json:"detail"`
}

var errGain = errors.New("the fault gains something")

// repeat has one fault happen again, and shows it.
func (g *labGlitch) repeat(ctx context.Context, out io.Writer) error {
	r, err := glitch.Repeat(ctx, g.plan.Subject, g.plan.Places, g.fault)
	if err != nil {
		if errors.Is(err, glitch.ErrNoFault) {
			return cli.Usage("--fault: %w", err)
		}
		return fmt.Errorf("--fault: %w", g.explained(err))
	}
	a := repetition{Fault: r.Fault, Places: append([]glitch.Place{}, r.Places...),
		Path: append([]glitch.Place{}, r.Path...), Command: headerOf(r.Command),
		Without: r.Before.String(), Happened: r.Happened, Gains: []oneGain{},
		Then: []following{}}
	if r.Mute == nil {
		a.With = r.Answer.String()
	} else {
		a.Mute = r.Mute.Error()
	}
	for _, gain := range r.Gains {
		a.Gains = append(a.Gains, oneGain{gain.Kind, gain.Detail})
	}
	for _, f := range r.Then {
		a.Then = append(a.Then, followingOf(f))
	}
	if g.asJSON {
		err = cli.WriteJSON(out, a)
	} else {
		err = a.text(out)
	}
	if err == nil && len(a.Gains) > 0 {
		err = cli.Exit(cli.ExitViolated, errGain)
	}
	return err
}

func followingOf(f glitch.Following) following {
	if f.Reset {
		return following{Command: "reset", Usual: []string{}}
	}
	then := following{Command: headerOf(f.Command), Usual: []string{}}
	if !f.Mute {
		then.Answer = fmt.Sprintf("%04X", uint16(f.Answer.SW))
	}
	for _, u := range f.Usual {
		then.Usual = append(then.Usual, fmt.Sprintf("%04X", uint16(u.SW)))
	}
	return then
}

// headerOf names a command without its data, which may hold a PIN.
func headerOf(c apdu.Command) string {
	return fmt.Sprintf("%02X%02X%02X%02X with %s", c.CLA, c.INS, c.P1, c.P2,
		progress.Plural(len(c.Data), "byte"))
}

func (a repetition) text(out io.Writer) error {
	text := "command        " + a.Command + "\n"
	for _, p := range a.Path {
		text += "called by      " + p.String() + "\n"
	}
	for _, p := range a.Places {
		text += "fault          " + p.String() + "\n"
	}
	if a.Happened < len(a.Places) {
		text += fmt.Sprintf("happened       %d of the faults\n", a.Happened)
	}
	text += "without it     " + a.Without + "\n"
	if a.Mute != "" {
		text += "with it        " + a.Mute + "\n"
	} else {
		text += "with it        " + a.With + "\n"
	}
	for _, gain := range a.Gains {
		text += fmt.Sprintf("gain           %s: %s\n", gain.Kind, gain.Detail)
	}
	if len(a.Gains) == 0 {
		text += "gain           none\n"
	}
	for _, f := range a.Then {
		text += "then           " + f.Command
		if f.Command != "reset" {
			text += ": " + cmp.Or(f.Answer, "mute") + ", else " + strings.Join(f.Usual, " ")
		}
		text += "\n"
	}
	_, err := io.WriteString(out, text)
	return err
}
