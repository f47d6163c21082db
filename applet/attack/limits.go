package attack

import (
	"encoding/binary"
	"errors"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
)

// limits are attacks on what a card counts: each is exhausted, or would pass 32 bits.
var limits = []Attack{
	{
		Name:    "log that is full",
		Threat:  "a record is overwritten before the notary has it",
		Defence: "nothing is decided without a slot for its record",
		Clause:  "PROTOCOL.md §3; §8, 8", Card: LogFull, Answers: sw(spec.SWLogFull),
		Ways: []Way{
			{"PAY", pays.Make}, {"REQUEST", requestsPayment.Make},
		},
	},
	{
		Name:    "log filled by strangers",
		Threat:  "whoever passes a card that receives without PIN fills its log: it pays no more",
		Defence: "the last quarter of the slots is for those who have the PIN",
		Clause:  "PROTOCOL.md §3", Card: Flooded, Answers: sw(spec.SWLogFull),
		Control: requestsPayment,
		Ways:    []Way{{"REQUEST", requestsPayment.Make}},
	},
	{
		Name:    "transactions that are exhausted",
		Threat:  "a card is used without end, and nobody sees what it pays",
		Defence: "most transactions since the last acknowledgement",
		Clause:  "PROTOCOL.md §8, 7", Card: NoTransaction, Answers: sw(spec.SWTransactionLimit),
		Ways: []Way{
			{"PAY", pays.Make}, {"REQUEST", requestsPayment.Make},
		},
	},
	{
		Name:    "more spent than may be",
		Threat:  "a stolen card with its PIN pays without end",
		Defence: "most paid since the last acknowledgement",
		Clause:  "PROTOCOL.md §8, 7", Card: AllSpent, Answers: sw(spec.SWSpentLimit),
		Ways: []Way{
			{"PAY", pays.Make},
			askedFor("one öre", spec.RoleTerminal, func(*Setup) money.Ore { return 1 }),
		},
	},
	{
		Name:    "flood of Requests",
		Threat:  "Requests that nobody pays take the card's room for good, or push others out",
		Defence: "so many are open at most, and none is forgotten",
		Clause:  "PROTOCOL.md §3", Card: AllOpen, Answers: sw(spec.SWOpenRequests),
		Control: requestsPayment,
		Ways:    []Way{{"REQUEST", requestsPayment.Make}},
	},
	{
		Name:    "balance that passes 32 bits",
		Threat:  "a balance starts anew at zero, or money is lost",
		Defence: "sums are compared before they are made, open Requests within",
		Clause:  "PROTOCOL.md §8, 7", Card: Brimful, Answers: sw(spec.SWBalanceLimit),
		Control: requestsPayment,
		Ways: []Way{
			{"REQUEST", requestsPayment.Make},
			asking("REQUEST of all that can be", func(s *Setup, _ []byte) ([]byte, error) {
				return s.asking(message.MaxAmount, spec.Currency, "")
			}),
		},
	},
	{
		Name:    "credit that passes 32 bits",
		Threat:  "a load makes a card's balance small",
		Defence: "the Confirmation says that the credit was not taken, and it goes back",
		Clause:  "PROTOCOL.md §5", Card: Brimful, Answers: sw(spec.SWOK), Keeps: KeepsLed,
		Control: applies,
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			blow, err := applies.Make(s)
			blow.Holds = creditNotTaken
			return blow, err
		}}},
	},
	{
		Name:    "sum of payments that passes 32 bits",
		Threat:  "what was spent starts anew at zero, and the limit with it",
		Defence: "sums are compared before they are made",
		Clause:  "PROTOCOL.md §8, 7", Card: Brimful, Answers: sw(spec.SWSpentLimit),
		Ways: []Way{
			askedFor("to two to the 32nd", spec.RoleDesk, func(*Setup) money.Ore {
				return 1 << 31
			}),
			askedFor("beyond", spec.RoleDesk, func(*Setup) money.Ore { return 1<<31 + 1 }),
			askedFor("all that can be", spec.RoleDesk, func(*Setup) money.Ore {
				return message.MaxAmount
			}),
		},
	},
	{
		Name:    "crisis order whose number starts anew",
		Threat:  "after the highest number the first order counts again",
		Defence: "numbers only rise, and the last has no next",
		Clause:  "PROTOCOL.md §8, 12", Card: LastOrder, Answers: sw(spec.SWOrderOld),
		Control: takesOrder,
		Ways: []Way{
			numbered("one", func(uint32) uint32 { return 1 }),
			numbered("half the way", func(uint32) uint32 { return 1 << 31 }),
			numbered("the one before", func(held uint32) uint32 { return held - 1 }),
			numbered("the same", func(held uint32) uint32 { return held }),
		},
	},
}

// creditNotTaken reports an error if a Confirmation says anything else.
func creditNotTaken(answer []byte) error {
	c, err := message.Parse[message.Confirmation](answer)
	if err == nil && c.Credit != spec.CreditNotTaken {
		err = errors.New("the Confirmation says that the credit was taken")
	}
	return err
}

func fourBytes(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
