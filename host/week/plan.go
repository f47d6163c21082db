package week

import (
	"math/rand/v2"
	"slices"

	"ekrona.example/apdu/money"
)

// Purpose is what a payment is for.
type Purpose string

// The purposes. Wage, PocketMoney and ShareOfLunch go from person to person.
const (
	Food         Purpose = "food"
	Coffee       Purpose = "coffee"
	Fuel         Purpose = "fuel"
	Pharmacy     Purpose = "pharmacy"
	Wage         Purpose = "wage"
	PocketMoney  Purpose = "pocket money"
	ShareOfLunch Purpose = "share of lunch"
)

// role is what a person lives on, by the person's number.
type role int

const (
	adult    role = iota
	child         // gets pocket money, and buys sweets for it
	worker        // is paid by the day
	employer      // pays two workers
	roleCount
)

// roles is a neighbourhood: its people in order. The next one follows after it.
var roles = [...]role{
	employer, worker, worker, adult, adult, child, adult, adult, child, adult,
	adult, adult, adult, adult, adult, adult, adult, adult, adult, adult,
}

func roleOf(person int) role { return roles[person%len(roles)] }

// peak is a time of the day around which people come, in minutes.
type peak struct{ at, spread float64 }

// trade is a kind of merchant with its customers.
type trade struct {
	purpose     Purpose
	share       int                // of ten merchants
	files       int                // of twenty merchants; they have a crisis order by file
	visits      [roleCount]float64 // a day and person, by role
	least, most money.Ore
	peaks       []peak // equally many come around each
}

var trades = []trade{
	{Food, 5, 2, [...]float64{adult: 1.2, child: 0.1, worker: 1.1, employer: 0.8},
		30 * money.Krona, 260 * money.Krona,
		[]peak{{12 * 60, 40}, {17*60 + 30, 60}, {17*60 + 30, 60}}},
	{Coffee, 3, 2, [...]float64{adult: 0.8, child: 0.7, worker: 0.6, employer: 0.4},
		15 * money.Krona, 60 * money.Krona, []peak{{8 * 60, 40}, {15 * 60, 60}}},
	{Fuel, 1, 1, [...]float64{adult: 0.15, child: 0, worker: 0.1, employer: 0.1},
		250 * money.Krona, 600 * money.Krona, []peak{{7*60 + 30, 40}, {16*60 + 30, 50}}},
	{Pharmacy, 1, 0, [...]float64{adult: 0.12, child: 0, worker: 0.1, employer: 0.05},
		40 * money.Krona, 350 * money.Krona, []peak{{11 * 60, 90}, {16 * 60, 70}}},
}

// How often people pay each other, a day, and how much.
const (
	lunchesShared  = 0.22 // of an adult: pays for two, and gets half of it back
	pocketMoneyDay = 0.2  // of a child
	workDays       = 0.6  // of a worker
	leastPocket    = 40 * money.Krona
	mostPocket     = 90 * money.Krona
	leastWage      = 250 * money.Krona
	mostWage       = 450 * money.Krona
	leastLunch     = 90 * money.Krona
	mostLunch      = 140 * money.Krona
)

// What people who do not fill their cards hold at first.
const (
	childHolds  = 200 * money.Krona
	workerHolds = 900 * money.Krona
)

// Between these minutes of a day people pay.
const (
	opens  = 6 * 60
	closes = 22*60 - 1
)

// nobody stands for a payer, a payee or a merchant that an attempt does not have.
const nobody = -1

// attempt is a payment that somebody wants to make: at a merchant, or to another person.
type attempt struct {
	minute          int // of the day
	purpose         Purpose
	amount          money.Ore
	payer           int
	payee, merchant int // one of them is nobody
	outcome         outcome
}

// district is who is where: it follows from the numbers of people and merchants alone.
type district struct {
	seed              uint64
	people, merchants int
	ofTrade           [][]int // merchants of each trade
}

// newDistrict gives every merchant its trade.
func newDistrict(seed uint64, people, merchants int) *district {
	t := &district{seed: seed, people: people, merchants: merchants,
		ofTrade: make([][]int, len(trades))}
	var pattern []int
	for trade, row := range trades {
		pattern = append(pattern, slices.Repeat([]int{trade}, row.share)...)
	}
	draws(seed, "trades").Shuffle(len(pattern), func(i, j int) {
		pattern[i], pattern[j] = pattern[j], pattern[i]
	})
	for merchant := range merchants {
		trade := pattern[merchant%len(pattern)]
		t.ofTrade[trade] = append(t.ofTrade[trade], merchant)
	}
	return t
}

// merchantFor returns the merchant where a person goes: mostly the usual one. Where a trade has no
// merchant, the food merchants sell what it would.
func (t *district) merchantFor(r *rand.Rand, person, trade int) int {
	merchants := t.ofTrade[trade]
	if len(merchants) == 0 {
		merchants = t.ofTrade[0]
	}
	if len(merchants) == 0 {
		return 0
	}
	if chance(r, 0.7) {
		return merchants[person/len(roles)%len(merchants)]
	}
	return merchants[r.IntN(len(merchants))]
}

// day draws what everybody wants to pay on a day, in the order of time.
func (t *district) day(day int) []attempt {
	var all []attempt
	for person := range t.people {
		all = append(all, t.dayOf(person, draws(t.seed, "day", day, person))...)
	}
	slices.SortStableFunc(all, func(a, b attempt) int { return a.minute - b.minute })
	return all
}

// dayOf draws what one person pays at merchants, and is paid by others.
func (t *district) dayOf(person int, r *rand.Rand) []attempt {
	var all []attempt
	role := roleOf(person)
	for trade, row := range trades {
		for range times(r, row.visits[role]) {
			all = append(all, attempt{minute: row.minute(r), purpose: row.purpose,
				amount: between(r, row.least, row.most), payer: person, payee: nobody,
				merchant: t.merchantFor(r, person, trade)})
		}
	}
	home := person - person%len(roles)
	switch role {
	case worker:
		if chance(r, workDays) {
			all = append(all, t.transfer(Wage, 16*60+r.IntN(60), between(r, leastWage, mostWage),
				home, person)...)
		}
	case child:
		if chance(r, pocketMoneyDay) {
			all = append(all, t.transfer(PocketMoney, 14*60+r.IntN(180),
				between(r, leastPocket, mostPocket), person-1, person)...)
		}
	case adult:
		if chance(r, lunchesShared) {
			each, minute := between(r, leastLunch, mostLunch), 11*60+r.IntN(150)
			friend := home + 3 + r.IntN(len(roles)-3)
			if friend == person || friend >= t.people || roleOf(friend) != adult {
				break
			}
			all = append(all, attempt{minute: minute, purpose: Food, amount: 2 * each,
				payer: person, payee: nobody, merchant: t.merchantFor(r, person, 0)})
			all = append(all, t.transfer(ShareOfLunch, minute+1, each, friend, person)...)
		}
	case employer:
	}
	return all
}

// transfer is a payment between two people, if both are there.
func (t *district) transfer(
	purpose Purpose, minute int, amount money.Ore, payer, payee int,
) []attempt {
	if payer >= t.people || payee >= t.people {
		return nil
	}
	return []attempt{{minute: minute, purpose: purpose, amount: amount, payer: payer,
		payee: payee, merchant: nobody}}
}

// minute draws when somebody comes.
func (row trade) minute(r *rand.Rand) int {
	p := row.peaks[r.IntN(len(row.peaks))]
	return min(max(int(p.at+p.spread*r.NormFloat64()), opens), closes)
}

// times draws how often something happens that happens so often on average, in whole times and
// the chance of one more.
func times(r *rand.Rand, average float64) int {
	n := int(average)
	if chance(r, average-float64(n)) {
		n++
	}
	return n
}

// between draws an amount of whole kronor.
func between(r *rand.Rand, least, most money.Ore) money.Ore {
	return least + money.Krona*money.Ore(r.Int64N(int64((most-least)/money.Krona)+1))
}

// firstLoad is what a person's card holds when the network goes.
func firstLoad(person int, full money.Ore) money.Ore {
	switch roleOf(person) {
	case child:
		return min(childHolds, full)
	case worker:
		return min(workerHolds, full)
	case adult, employer:
	}
	return full
}
