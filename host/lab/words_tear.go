package lab

import (
	"context"
	"fmt"
	"strings"

	"ekrona/host/shell"
)

// tearWords disturb the card.
func (w *words) tearWords() []shell.Word {
	return []shell.Word{
		{Name: "tear", Usage: "tear LINE",
			Help: "do a line again for each of its writes with the power cut there, " +
				"and set the card back",
			Run: w.tear},
	}
}

func (w *words) tear(
	ctx context.Context, s *shell.Session, arguments []string,
) (shell.Answer, error) {
	k, err := w.of(s)
	if err != nil {
		return shell.Answer{}, err
	}
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
	bench := &Bench{s, managed, k.names}
	report, err := tearOne(ctx, bench, Line{1, text, step})
	if err != nil {
		return shell.Answer{}, err
	}
	out := &strings.Builder{}
	report.WriteText(out)
	line := fmt.Sprintf("%s: %d as before, %d as after, %s", plural(len(report.Cuts), "cut"),
		report.Lines[0].AsBefore, report.Lines[0].AsAfter, plural(report.Findings, "finding"))
	return shell.Answer{Line: line, Text: out.String(), Value: report}, nil
}

// tearOne tears a line on a card as it stands, and sets the card back.
func tearOne(ctx context.Context, b *Bench, l Line) (report *TearReport, err error) {
	start, err := b.Managed.Snapshot()
	if err != nil {
		return nil, err
	}
	defer func() {
		if restored := b.Managed.RestoreSnapshot(start); err == nil {
			err = restored
		}
	}()
	t := &Tear{Script: []Line{l}, Rules: &Rules{}}
	line, err := t.once(ctx, b, l)
	if err != nil {
		return nil, err
	}
	report = &TearReport{Lines: []TornLine{line}, Cuts: []Cut{}}
	w := &tearer{Tear: t, bench: b, line: -1, start: start}
	for n := 1; n <= line.Writes && line.Skipped == ""; n++ {
		cut := Cut{Line: l.Number, Command: line.Command, Write: n}
		if err := w.tear(ctx, cutAt{0, n}, &cut); err != nil {
			return nil, err
		}
		report.Cuts = append(report.Cuts, cut)
	}
	report.sum()
	return report, nil
}
