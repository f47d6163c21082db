package fault

// Parting is where two traces part: after the step Last, which both have, one goes on with A and
// the other with B; nil of one that has ended. They are together again after as many steps of each.
type Parting struct {
	N            int // the step of the first trace
	Last, A, B   *Step
	OnlyA, OnlyB int // steps until they are together again
}

// window is how far ahead two traces that have parted are looked through for a step that both have.
const window = 4000

// Partings are all places where two traces part, in their order.
func Partings(a, b *Trace) []Parting {
	var all []Parting
	i, j := 0, 0
	for i < len(a.Steps) || j < len(b.Steps) {
		if i < len(a.Steps) && j < len(b.Steps) && a.Steps[i].isAt(&b.Steps[j]) {
			i++
			j++
			continue
		}
		p := Parting{N: i, A: a.step(i), B: b.step(j), Last: a.step(i - 1)}
		p.OnlyA, p.OnlyB = together(a.Steps[i:], b.Steps[j:])
		i, j = i+p.OnlyA, j+p.OnlyB
		all = append(all, p)
	}
	return all
}

func (s *Step) isAt(t *Step) bool {
	return s.PC == t.PC && s.Depth == t.Depth && s.Method.String() == t.Method.String()
}

func (t *Trace) step(n int) *Step {
	if n < 0 || n >= len(t.Steps) {
		return nil
	}
	return &t.Steps[n]
}

// together is how many steps of each come before both are at the same place, as few as can be of
// both; all of them if they never are.
func together(a, b []Step) (onlyA, onlyB int) {
	type at struct {
		pc, depth int
		method    string
	}
	key := func(s *Step) at { return at{s.PC, s.Depth, s.Method.String()} }
	first := map[at]int{} // of b
	for n := range b[:min(len(b), window)] {
		if _, known := first[key(&b[n])]; !known {
			first[key(&b[n])] = n
		}
	}
	best := len(a) + len(b)
	onlyA, onlyB = len(a), len(b)
	for n := range a[:min(len(a), window)] {
		if n >= best {
			break
		}
		if m, has := first[key(&a[n])]; has && n+m < best {
			best, onlyA, onlyB = n+m, n, m
		}
	}
	return onlyA, onlyB
}
