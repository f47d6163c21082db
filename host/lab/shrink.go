package lab

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"ekrona.example/apdu"
)

// shrinkTries bounds how often a sequence is done again to shorten it.
const shrinkTries = 600

// shrinking is a sequence that is being shortened.
type shrinking struct {
	*fuzzer
	ctx   context.Context
	want  key
	best  []fuzzed // from the beginning of the script
	seen  Finding  // as best shows it
	tries int
}

// shrunk shortens the sequence of a finding as long as it shows it, and has the finding say what
// the short one shows.
func (w *fuzzer) shrunk(ctx context.Context, f *Finding) []fuzzed {
	s := &shrinking{fuzzer: w, ctx: ctx, want: f.keyed}
	whole := slices.Concat(w.starts[f.shown.from].before, f.shown.list)
	if !s.shows(whole) { // it depends on the state that the script left
		return whole
	}
	defer func() { f.Where, f.Detail = s.seen.Where, s.seen.Detail }()
	s.best = whole
	for size := max(1, len(s.best)/2); ; size /= 2 {
		for at := 0; at+size <= len(s.best); {
			if !s.shows(slices.Delete(slices.Clone(s.best), at, at+size)) {
				at++
			}
		}
		if size == 1 {
			break
		}
	}
	for at := range s.best {
		s.simplify(at)
	}
	return s.best
}

// shows reports whether a sequence shows the finding; the shortest that does is kept.
func (s *shrinking) shows(list []fuzzed) bool {
	if s.tries++; s.tries > shrinkTries || len(list) == 0 {
		return false
	}
	clear(s.looked)
	found, _, err := s.try(s.ctx, sequence{0, list})
	at := slices.IndexFunc(found, func(f Finding) bool { return f.keyed == s.want })
	if err != nil || at < 0 {
		return false
	}
	s.best, s.seen = list, found[at]
	return true
}

// simplify makes one command shorter and its bytes zero, as long as the finding shows.
func (s *shrinking) simplify(at int) {
	if s.best[at].raw == nil {
		return
	}
	with := func(change func(c *fuzzed)) bool {
		list := slices.Clone(s.best)
		list[at].raw = bytes.Clone(list[at].raw)
		change(&list[at])
		return s.shows(list)
	}
	if s.best[at].cut > 0 {
		with(func(c *fuzzed) { c.cut = 0 })
	}
	data := func(change func(data []byte) []byte) bool {
		return with(func(c *fuzzed) {
			command, err := apdu.ParseCommand(c.raw)
			if err != nil {
				return
			}
			command.Data = change(command.Data)
			if changed, err := command.Bytes(); err == nil {
				c.raw = changed
			}
		})
	}
	command, err := apdu.ParseCommand(s.best[at].raw)
	if err != nil {
		return
	}
	for size := len(command.Data); size > 0; size /= 2 {
		for from := len(command.Data) - size; from >= 0; from -= size {
			cut := func(d []byte) []byte { return slices.Delete(d, from, min(from+size, len(d))) }
			if from+size <= len(command.Data) && data(cut) {
				command.Data = command.Data[:len(command.Data)-size]
			}
		}
	}
	for i := range command.Data {
		data(func(d []byte) []byte {
			if i < len(d) {
				d[i] = 0
			}
			return d
		})
	}
}

// scriptOf is a sequence as a script that shows what it came to.
func (w *fuzzer) scriptOf(list []fuzzed) []string {
	lines := []string{}
	ctx := context.Background()
	if err := w.bench.Managed.RestoreSnapshot(w.starts[0].snapshot); err != nil {
		return lines
	}
	for _, c := range list {
		if c.cut > 0 {
			lines = append(lines, fmt.Sprintf("cut %d", c.cut))
		}
		o := w.do(ctx, c)
		switch {
		case c.raw == nil:
			lines = append(lines, c.line())
		case o.none:
			lines = append(lines, c.line()+" -> none", "reset")
		default:
			lines = append(lines, fmt.Sprintf("%s -> %04X", c.line(), uint16(o.answer)))
		}
	}
	return lines
}
