package simulator

// Another device can act within a step in two ways: it synchronises within a call between parties,
// or between two transactions of one node. In both no transaction is open, so the disks are in a
// state that another thread could see; between these points a node does nothing that another can
// see.
//
// It can also be the same card: its phone gave up waiting for a call, and the card was held to it
// again. Nobody learns the outcome of that call then.

// meanwhile has another device synchronise within the step of the one that acts, or
// the same one, when it waits for a node.
func (w *world) meanwhile(f Fault) {
	w.plan.nested = true
	w.share(true)
	defer func() {
		w.share(false)
		w.plan.nested = false
	}()
	if p := w.plan.actor; p != nil && w.plan.depth > 0 && f.Salt%3 == 0 {
		w.note("        meanwhile %s synchronises again", p.name)
		w.struck[f.Kind]-- // no other device does
		w.recordFault(AbandonedCall)
		w.noteError(w.synchronise(p, f.Salt))
		w.plan.abandoned = true
		return
	}
	others := len(w.people) + len(w.terminals)
	for n := range others {
		at := (f.Who + n) % others
		if at < len(w.people) {
			if p := w.people[at]; !w.plan.busy[p.name] {
				w.note("        meanwhile %s synchronises", p.name)
				w.noteError(w.synchronise(p, f.Salt))
				return
			}
		} else if t := w.terminals[at-len(w.people)]; !w.plan.busy[t.merchant] {
			w.note("        meanwhile the %s's terminal synchronises", t.merchant)
			w.noteError(w.synchroniseTerminal(t))
			delete(w.plan.busy, t.merchant)
			return
		}
	}
}

// between is called between two transactions of a node: before one begins, and
// after one is committed and before its node learns of it.
func (w *world) between() {
	if w.plan.calm || w.plan.nested {
		return
	}
	w.plan.between++
	if f, due := w.due(InterleaveCommit, w.plan.between); due {
		w.meanwhile(f)
	}
}

// share makes a node that waits at such a point callable by another: the one connection of its disk
// is lent a second time.
func (w *world) share(twice bool) {
	connections := 1
	if twice {
		connections = 2
	}
	for _, db := range w.databases {
		db.SetMaxOpenConns(connections)
	}
}
