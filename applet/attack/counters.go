package attack

import (
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
)

// counters are attacks on what only rises, at its end: it must not start anew. The policy's version
// is among those of expiry, the crisis order's number and the sums of amounts among the limits, and
// tries, which only fall, among the guesses. The card's count of attacks rises by faults alone,
// which package glitch makes.
var counters = []Attack{
	{
		Name:    "record whose number starts anew",
		Threat:  "two records of one number: the notary takes an honest card for a copy",
		Defence: "the last 65,536 numbers are for open Requests, and after them nothing is decided",
		Clause:  "PROTOCOL.md §8, 6; §9", Card: LastRecord, Answers: sw(spec.SWLogFull),
		Ways: []Way{
			{"PAY", pays.Make}, {"REQUEST", requestsPayment.Make},
			askedFor("PAY at the own desk", spec.RoleDesk, func(s *Setup) money.Ore {
				return s.Amount
			}),
		},
	},
	{
		Name:    "Request whose number starts anew",
		Threat:  "a Payment of the first Request is credited for another of that number",
		Defence: "a Request's number only grows, and after the last none is made",
		Clause:  "PROTOCOL.md §8, 6; §9", Card: LastRequest, Answers: sw(spec.SWOpenRequests),
		Control: requestsPayment,
		Ways: []Way{
			{"REQUEST", requestsPayment.Make},
			asking("REQUEST to one payer", func(s *Setup, _ []byte) ([]byte, error) {
				return s.asking(s.Amount, spec.Currency, s.NextID(s.Own))
			}),
		},
	},
	{
		Name:    "Instruction whose number starts anew",
		Threat:  "after the last number the first Instruction counts again, and its credit",
		Defence: "the card's sequence only grows, by one, and the last has no next",
		Clause:  "PROTOCOL.md §8, 6; §9", Card: LastInstruction, Answers: sw(spec.SWSequence),
		Control: applies,
		Ways: []Way{
			numberedAs("zero", 0), numberedAs("one", 1), numberedAs("half the way", 1<<31),
			numberedAs("the one before", 1<<32-2), numberedAs("the same", 1<<32-1),
		},
	},
	{
		Name:    "Instruction of a day after the last",
		Threat:  "the century starts anew: every certificate that has ended counts again",
		Defence: "a date only grows, and after 31 December 2099 stays",
		Clause:  "PROTOCOL.md §8, 6; §9", Card: LastDay, Answers: sw(spec.SWDate),
		Control: applies.on(LastDay),
		Ways: []Way{
			onDay("1 January 2000", 2000, time.January, 1),
			onDay("31 December 2049", 2049, time.December, 31),
			onDay("1 January 2050", 2050, time.January, 1),
			onDay("the day before", 2099, time.December, 30),
		},
	},
	{
		Name:    "limit of what is paid, across 32 bits",
		Threat:  "the running total starts anew at zero, and what was spent with it",
		Defence: "what was spent is the difference of two totals, modulo 2^32",
		Clause:  "PROTOCOL.md §3; §9", Card: SpentAcross, Answers: sw(spec.SWSpentLimit),
		Ways: []Way{
			{"PAY", pays.Make},
			askedFor("one öre", spec.RoleTerminal, func(*Setup) money.Ore { return 1 }),
		},
	},
	{
		Name:    "limit of transactions, across 16 bits",
		Threat:  "the running number starts anew at zero, and the limit with it",
		Defence: "transactions since the last acknowledgement are a difference modulo 2^16",
		Clause:  "PROTOCOL.md §3; §9", Card: CountedAcross, Answers: sw(spec.SWTransactionLimit),
		Ways: []Way{
			{"PAY", pays.Make}, {"REQUEST", requestsPayment.Make},
		},
	},
}

// numberedAs is the next Instruction with that number.
func numberedAs(name string, number uint32) Way {
	return signedAfter(name, func(_ *Setup, i *message.Instruction) { i.Sequence = number })
}

// onDay is the next Instruction with that date.
func onDay(name string, year int, month time.Month, day int) Way {
	return signedAfter(name, func(_ *Setup, i *message.Instruction) {
		i.Date = message.DateOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
	})
}
