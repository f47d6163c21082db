package week

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"ekrona.example/host/progress"
	"ekrona.example/host/wallet"
)

// timetable is the order in which the attempts of a day may be played: each after the one before
// it of everybody and everything that it touches. Attempts that touch nothing in common may be
// played at once: what becomes of them is the same in any order.
type timetable struct {
	waits []int   // for how many attempts each one waits
	after [][]int // which attempts wait for it
}

func newTimetable(attempts []attempt) timetable {
	t := timetable{make([]int, len(attempts)), make([][]int, len(attempts))}
	type entity struct{ person, merchant int }
	last := map[entity]int{}
	for n, a := range attempts {
		touched := []entity{{a.payer, nobody}, {a.payee, nobody}, {nobody, a.merchant}}
		for _, e := range touched {
			if e == (entity{nobody, nobody}) {
				continue
			}
			if before, there := last[e]; there {
				t.waits[n]++
				t.after[before] = append(t.after[before], n)
			}
			last[e] = n
		}
	}
	return t
}

// playDay plays the attempts of a day on all workers. Of a day that is broken off it plays what
// was under way to the end, and the rest not at all.
func (w *world) playDay(ctx context.Context, day int, attempts []attempt) error {
	t := newTimetable(attempts)
	ready := make(chan int, len(attempts))
	for n, waits := range t.waits {
		if waits == 0 {
			ready <- n
		}
	}
	if len(attempts) == 0 {
		close(ready)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	show := w.plan.counter(fmt.Sprintf("day %d", day+1), len(attempts))
	var one sync.Mutex // done, failed, t
	var done int
	var failed error
	finish := func(n int, err error) {
		one.Lock()
		defer one.Unlock()
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("day %d, attempt %d: %w", day+1, n, err))
			stop()
		}
		for _, next := range t.after[n] {
			if t.waits[next]--; t.waits[next] == 0 {
				ready <- next
			}
		}
		done++
		show(done)
		if done == len(attempts) {
			close(ready)
		}
	}
	var all sync.WaitGroup
	for _, on := range w.hands {
		all.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case n, open := <-ready:
					if !open || ctx.Err() != nil {
						return
					}
					v := &visit{ctx: context.WithoutCancel(ctx), w: w, on: on,
						r: draws(w.seed, "visit", day, n), attempt: &attempts[n]}
					finish(n, v.play())
				}
			}
		})
	}
	all.Wait()
	if failed == nil && done < len(attempts) {
		failed = ctx.Err()
	}
	return failed
}

// counter returns a function that shows how far a part of the work is. It may be called by several
// goroutines at once.
func (p Plan) counter(part string, total int) func(done int) {
	step := max(1, total/50)
	var one sync.Mutex
	return func(done int) {
		if done%step != 0 && done != total {
			return
		}
		one.Lock()
		defer one.Unlock()
		p.Show.Emit(progress.Event{Kind: progress.Counted, Who: "week", Stage: part,
			Count: progress.Count{Total: total, Done: done},
			Text:  fmt.Sprintf("%s: %d of %d", part, done, total)})
	}
}

// unlock has everybody whose PIN is locked set it again at home, with the letter's PUK.
func (w *world) unlock(ctx context.Context) error {
	for _, p := range w.people {
		if !p.locked {
			continue
		}
		if err := w.hands[0].payer.use(ctx, w, p, func(phone *wallet.Wallet) error {
			return phone.UnblockPIN(ctx, wallet.Tap{Card: hold(p.card, tear{})}, p.puk, p.pin)
		}); err != nil {
			return fmt.Errorf("%s sets a new PIN: %w", p.name, err)
		}
		p.locked = false
	}
	return nil
}
