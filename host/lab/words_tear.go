package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/host/durable"
	"ekrona.example/host/progress"
	"ekrona.example/host/shell"
)

// tearWords disturb the card.
func (w *words) tearWords() []shell.Word {
	return []shell.Word{
		{Name: "tear", Usage: "tear LINE",
			Help: "do a line again for each of its writes with the power cut there, " +
				"and set the card back",
			Line: func([]string) int { return 0 }, Run: w.tear},
		{Name: "fuzz", Usage: "fuzz FILE RUNS [SEED]",
			Help: "mutate the commands of a script on the card as it stands, and set it back",
			Complete: func(s *shell.Session, before []string, last string) []string {
				if len(before) == 0 {
					return shell.Files(s, before, last)
				}
				return nil
			}, Run: w.fuzz},
		{Name: "gain", Usage: "gain accepted|memory|changed|answer HEX|higher AT LENGTH",
			Help:     "nothing here: what \"ekrona lab glitch\" counts as a gain of a fault",
			Complete: chooses("accepted", "memory", "changed", "answer", "higher"),
			Run:      gain},
	}
}

// gain leaves to what disturbs the script by faults what its rule is.
func gain(_ context.Context, _ *shell.Session, arguments []string) (shell.Answer, error) {
	if len(arguments) == 0 {
		return shell.Answer{}, shell.Usage("a rule is missing")
	}
	return shell.OK, nil
}

func (w *words) fuzz(
	ctx context.Context, s *shell.Session, arguments []string,
) (answer shell.Answer, err error) {
	k, err := w.of(s)
	if err != nil {
		return shell.Answer{}, err
	}
	if len(arguments) < 2 || len(arguments) > 3 {
		return shell.Answer{}, shell.Usage("a file and a number of runs are missing")
	}
	runs, err := strconv.Atoi(arguments[1])
	if err != nil || runs < 1 {
		return shell.Answer{}, shell.Usage("%q is no number of runs, 1 or more",
			apdu.Brief(arguments[1]))
	}
	seed := uint64(1)
	if len(arguments) > 2 {
		if seed, err = strconv.ParseUint(arguments[2], 10, 64); err != nil {
			return shell.Answer{}, shell.Usage("%q is no seed: write a number",
				apdu.Brief(arguments[2]))
		}
	}
	file, err := durable.Read(arguments[0])
	if err != nil {
		return shell.Answer{}, err
	}
	script, err := readScript(s.Names(), bytes.NewReader(file))
	if err != nil {
		return shell.Answer{}, fmt.Errorf("%s: %w", arguments[0], err)
	}
	report, err := k.fuzz(ctx, &Fuzz{Script: script, Runs: runs, Seed: seed, Workers: 1})
	if err != nil {
		return shell.Answer{}, err
	}
	text := &strings.Builder{}
	report.WriteText(text)
	line := fmt.Sprintf("%s, %s, %s", progress.Plural(report.Runs, "sequence"),
		progress.Plural(report.Commands, "command"),
		progress.Plural(len(report.Findings), "finding"))
	return shell.Answer{Line: line, Text: text.String(), Value: report}, nil
}

// fuzz fuzzes the session's card as it stands, and sets it back.
func (k *state) fuzz(ctx context.Context, f *Fuzz) (report *FuzzReport, err error) {
	managed, err := k.session.Managed()
	if err != nil {
		return nil, err
	}
	setBack, err := k.hold()
	if err != nil {
		return nil, err
	}
	f.open = func(context.Context) (*Bench, error) {
		return &Bench{Session: k.session, Managed: managed}, setBack()
	}
	defer func() { err = errors.Join(err, setBack(), k.watch()) }()
	err = k.session.Unobserved(func() error {
		report, err = f.Run(ctx)
		return err
	})
	return report, err
}

func (w *words) tear(
	ctx context.Context, s *shell.Session, arguments []string,
) (shell.Answer, error) {
	managed, err := s.Managed()
	if err != nil {
		return shell.Answer{}, err
	}
	text := strings.Join(arguments, " ")
	step, found, err := s.Names().ParseLine(text)
	if err != nil {
		return shell.Answer{}, err
	}
	if !found {
		return shell.Answer{}, shell.Usage("the line is missing")
	}
	k, err := w.of(s)
	if err != nil {
		return shell.Answer{}, err
	}
	if k.profile != nil {
		defer k.profile.Hold()()
	}
	bench := &Bench{Session: s, Managed: managed}
	report, err := tearOne(ctx, bench, Line{1, text, step})
	if err != nil {
		return shell.Answer{}, err
	}
	out := &strings.Builder{}
	report.WriteText(out)
	line := fmt.Sprintf("%s: %d as before, %d as after, %s",
		progress.Plural(len(report.Cuts), "cut"), report.Lines[0].AsBefore,
		report.Lines[0].AsAfter, progress.Plural(report.Findings, "finding"))
	return shell.Answer{Line: line, Text: out.String(), Value: report}, nil
}

// tearOne tears a line on a card as it stands, and sets the card back.
func tearOne(ctx context.Context, b *Bench, l Line) (report *TearReport, err error) {
	back, err := b.Keep(tearName)
	if err != nil {
		return nil, err
	}
	defer func() {
		if restored := back(); err == nil {
			err = restored
		}
	}()
	t := &Tear{Script: []Line{l}, Rules: &Rules{}}
	line, err := t.once(ctx, b, l)
	if err != nil {
		return nil, err
	}
	report = &TearReport{Lines: []TornLine{line}, Cuts: []Cut{}}
	w := &tearer{Tear: t, bench: b, line: -1, back: back}
	for n := 1; n <= line.Writes && line.Skipped == ""; n++ {
		cut := Cut{Line: l.Number, Command: line.Command, Write: n}
		if err := w.tear(ctx, cutAt{0, n, len(report.Cuts)}, &cut); err != nil {
			return nil, err
		}
		report.Cuts = append(report.Cuts, cut)
	}
	report.sum()
	return report, nil
}
