package liquidity

import (
	"context"
	"fmt"
	"math/rand/v2"

	"ekrona.example/apdu/money"
	"ekrona.example/host/progress"
	"ekrona.example/host/week"
)

// SetCards is how many cards a chain or ring has.
const SetCards = 6

// playedCase is something that is played in each way.
type playedCase struct {
	name  string
	cards int
	play  func(ctx context.Context, l week.Liquidity) (Row, error)
}

func (p Plan) cases() []playedCase {
	return []playedCase{
		p.scene("Figure 9", Figure9()),
		p.scene(fmt.Sprintf("chains of %d", SetCards), p.sets(false)),
		p.scene(fmt.Sprintf("rings of %d", SetCards), p.sets(true)),
		p.morning(),
	}
}

// Figure9 is that of the report: Anna, who has 200 kr, pays Bertil 80, of which he pays Cecilia 50;
// Cecilia synchronises first, then Bertil, then Anna.
func Figure9() week.Scene {
	return week.Scene{Holds: []money.Ore{200 * money.Krona, 0, 0}, Payments: []week.Paying{
		{Payer: 0, Payee: 1, Amount: 80 * money.Krona},
		{Payer: 1, Payee: 2, Amount: 50 * money.Krona}}, Online: []int{2, 1, 0}}
}

// What is drawn for chains and rings: what the first card of a set holds, what others do at most,
// and which part of what it has a card pays on at least, in tenths.
const (
	firstHolds  = 500 * money.Krona
	othersHold  = 100 // kronor
	paysAtLeast = 5
)

// sets draws chains, or rings, of cards that pay each other in turn, and the order in which all of
// them synchronise. The sets touch each other nowhere but in the pool.
func (p Plan) sets(rings bool) week.Scene {
	stream := uint64(0x636861696e)
	if rings {
		stream = 0x72696e67
	}
	r := rand.New(rand.NewPCG(p.Seed, stream))
	var s week.Scene
	for set := range p.Sets {
		first := set * SetCards
		has := firstHolds
		for n := range SetCards {
			if n > 0 {
				own := money.Krona * money.Ore(r.IntN(othersHold+1))
				s.Holds, has = append(s.Holds, own), has+own
			} else {
				s.Holds = append(s.Holds, firstHolds)
			}
			if n == SetCards-1 && !rings {
				break
			}
			least := has / money.Krona * paysAtLeast / 10
			amount := money.Krona * (least + money.Ore(r.Int64N(int64(has/money.Krona-least)+1)))
			s.Payments = append(s.Payments, week.Paying{Payer: first + n,
				Payee: first + (n+1)%SetCards, Amount: amount})
			has = amount
		}
	}
	s.Online = r.Perm(p.Sets * SetCards)
	return s
}

func (p Plan) scene(name string, s week.Scene) playedCase {
	s.Seed = p.Seed
	return playedCase{name, len(s.Holds), func(ctx context.Context, l week.Liquidity) (Row, error) {
		s := s
		s.Liquidity = l
		played, err := s.Play(ctx)
		return Row{Cap: l.PoolCap, Wanted: len(s.Payments), Paid: played.Paid,
			Claims: played.Claims, Wrong: played.Wrong}, err
	}}
}

// morning is the morning after days without network.
func (p Plan) morning() playedCase {
	name := progress.Plural(p.Days, "dark day")
	return playedCase{name, p.Cards, func(ctx context.Context, l week.Liquidity) (Row, error) {
		r, err := week.Run(ctx, week.Plan{Cards: p.Cards, Terminals: p.Terminals, Days: p.Days,
			Seed: p.Seed, Limits: week.Default, Liquidity: l, Workers: 1})
		row := Row{Cap: l.PoolCap, Wrong: r.Violations}
		for _, d := range r.Days {
			row.Wanted += d.Attempts
			row.Paid += d.Paid
		}
		if r.Morning != nil {
			row.Claims = r.Morning.Claims
			row.Wrong = append(row.Wrong, r.Morning.Stuck...)
		}
		return row, err
	}}
}
