package simulator

import (
	"math/rand/v2"

	"ekrona.example/apdu/money"
)

// Kind is what happens in a step.
type Kind string

// The steps.
const (
	Load                 Kind = "load"
	Unload               Kind = "unload"
	Transfer             Kind = "transfer"
	Ask                  Kind = "ask"
	Pay                  Kind = "pay"
	Accept               Kind = "accept"
	Answer               Kind = "answer"
	Refuse               Kind = "refuse"
	Sale                 Kind = "sale"
	TapAgain             Kind = "tap again"
	RefuseSale           Kind = "refuse sale"
	Sync                 Kind = "synchronise"
	SyncTerminal         Kind = "synchronise terminal"
	Wait                 Kind = "wait"
	Report               Kind = "report lost"
	End                  Kind = "end"
	EndDue               Kind = "end what is due"
	Block                Kind = "block"
	Unblock              Kind = "unblock"
	Policy               Kind = "policy"
	EnterWrong           Kind = "enter a wrong PIN"
	GiveTries            Kind = "give PIN tries"
	Copy                 Kind = "copy a card"
	RollBack             Kind = "roll a card back"
	SendRandomCommands   Kind = "say anything to a card"
	SendJunk             Kind = "say anything to an intermediary"
	Forge                Kind = "forge an Instruction"
	Replay               Kind = "replay an Instruction"
	BackUp               Kind = "back up"
	Restore              Kind = "restore a backup"
	Issue                Kind = "issue a card"
	Renew                Kind = "renew a certificate"
	RefundSale           Kind = "refund a sale"
	SetTerminalBack      Kind = "set a terminal back"
	Mint                 Kind = "want a credit from the notary"
	Chain                Kind = "pass on what was just received"
	ChangePhone          Kind = "change a phone"
	Cancel               Kind = "close an unload"
	UsePUK               Kind = "set the PIN with the PUK"
	PayWithStolenCA      Kind = "pay with a card that was never issued"
	OrderWithFormerPhone Kind = "order with a former phone"
	Lose                 Kind = "lose a card for good"
	OrderCrisis          Kind = "order a crisis"
	PassCrisis           Kind = "pass a crisis order on"
	RobCrisis            Kind = "order a crisis with stolen keys"
	SetClock             Kind = "set a terminal's clock"
	SetGroup             Kind = "set a group"
)

// weights says how often each kind is drawn.
var weights = []struct {
	kind Kind
	n    int
}{
	{Load, 12}, {Unload, 6}, {Transfer, 14}, {Ask, 12}, {Pay, 14}, {Accept, 14}, {Answer, 6},
	{Refuse, 4}, {Sale, 14}, {TapAgain, 6},
	{RefuseSale, 3}, {Sync, 24}, {SyncTerminal, 8}, {Wait, 4}, {Report, 1}, {End, 1}, {EndDue, 1},
	{Block, 1}, {Unblock, 2}, {Policy, 2},
	{EnterWrong, 2}, {GiveTries, 1}, {Copy, 1}, {RollBack, 6}, {SendRandomCommands, 4},
	{SendJunk, 3}, {Forge, 2}, {Replay, 5}, {BackUp, 2}, {Restore, 2},
	{Issue, 4}, {Renew, 4}, {RefundSale, 6}, {SetTerminalBack, 4}, {Mint, 6}, {Chain, 6},
	{ChangePhone, 4}, {Cancel, 3}, {UsePUK, 2}, {PayWithStolenCA, 4}, {OrderWithFormerPhone, 3},
	{Lose, 1}, {OrderCrisis, 4}, {PassCrisis, 8}, {RobCrisis, 1}, {SetClock, 1}, {SetGroup, 1},
}

// everything as an amount means all that the payer's card holds.
const everything money.Ore = 0

// allowsEverything are the kinds that can be of everything: money is spent before it is settled.
var allowsEverything = map[Kind]bool{Unload: true, Transfer: true, Sale: true}

// faultRate are the kinds with messages between parties, on which faults can strike.
var faultRate = map[Kind]bool{
	Load: true, Unload: true, Transfer: true, Ask: true, Pay: true, Accept: true, Answer: true,
	Refuse: true, Sale: true, TapAgain: true,
	RefuseSale: true, UsePUK: true, Sync: true, SyncTerminal: true, Report: true, EnterWrong: true,
	GiveTries: true, Replay: true,
	Issue: true, Renew: true, RefundSale: true, Mint: true, Chain: true, ChangePhone: true,
	Lose: true, OrderCrisis: true, PassCrisis: true, SetGroup: true,
}

// ofTerminals are the kinds that also happen to a terminal.
var ofTerminals = map[Kind]bool{Block: true, Unblock: true, Policy: true}

// byPhone are the kinds in which the person's phone calls its intermediary.
var byPhone = map[Kind]bool{Load: true, Unload: true, Sync: true}

// rare are the kinds that only some scenarios have, so that others stay undisturbed.
var rare = map[Kind]uint64{Report: 3, Copy: 3, RollBack: 2, Restore: 2, EndDue: 2,
	SetTerminalBack: 4, ChangePhone: 2, PayWithStolenCA: 3, Lose: 3,
	RobCrisis: 3, SetClock: 3}

// Step is one event. Its number keys its randomness, so it means the same when the steps before it
// are left out.
type Step struct {
	Number int       `json:"number"`
	Kind   Kind      `json:"kind"`
	Who    int       `json:"who"`
	Other  int       `json:"other,omitempty"`
	Amount money.Ore `json:"amount,omitempty"`
	Pick   int       `json:"pick,omitempty"` // which of several
	Faults []Fault   `json:"faults,omitempty"`
}

// Scenario is a world and all its steps.
type Scenario struct {
	Seed      uint64 `json:"seed"`
	People    int    `json:"people"`
	Terminals int    `json:"terminals"`
	// what each intermediary has beyond its few deposits; 0: enough for everything
	Spare money.Ore `json:"spare,omitempty"`
	Pool  money.Ore `json:"pool,omitempty"` // liquidity pool of the central bank
	// phones are paired with their cards
	Paired bool `json:"paired,omitempty"`
	// phones hand over what funded their payments
	Provenance bool      `json:"provenance,omitempty"`
	Ahead      money.Ore `json:"ahead,omitempty"` // up to which the pool pays claims ahead
	Steps      []Step    `json:"steps"`
}

// Generate draws the scenario of a seed.
func Generate(seed uint64, steps int) Scenario {
	r := rand.New(rand.NewPCG(seed, 0x656b726f6e61))
	s := Scenario{Seed: seed, People: 3 + r.IntN(3), Terminals: 1 + r.IntN(2),
		Paired: seed%2 == 0}
	if r.IntN(3) == 0 {
		s.Spare = money.Ore(1 + r.IntN(200_00))
	}
	if r.IntN(2) == 0 {
		s.Pool = money.Ore(1 + r.IntN(500_00))
	}
	s.drawLiquidity()
	allowed := map[Kind]bool{}
	for _, w := range weights {
		n, isRare := rare[w.kind]
		allowed[w.kind] = !isRare || r.Uint64N(n) == 0
	}
	faulty := 3 * r.IntN(4) // of ten steps that can have faults, how many have: 0, 3, 6 or 9
	for number := 1; number <= steps; number++ {
		step := Step{Number: number, Kind: draw(r, allowed), Who: r.IntN(60), Other: r.IntN(60),
			Amount: amount(r), Pick: r.IntN(1 << 20)}
		if allowsEverything[step.Kind] && r.IntN(6) == 0 {
			step.Amount = everything
		}
		if faultRate[step.Kind] && r.IntN(10) < faulty {
			for range 1 + r.IntN(3) {
				step.Faults = append(step.Faults, fault(r))
			}
		}
		s.Steps = append(s.Steps, step)
	}
	return s
}

// drawLiquidity draws what is done for claims that wait, apart from all else, so that seeds mean
// what they meant before.
func (s *Scenario) drawLiquidity() {
	r := rand.New(rand.NewPCG(s.Seed, 0x6c6971756964))
	s.Provenance = r.IntN(2) == 0
	if s.Pool > 0 && r.IntN(2) == 0 {
		s.Ahead = money.Ore(1 + r.IntN(int(s.Pool)))
	}
}

func draw(r *rand.Rand, allowed map[Kind]bool) Kind {
	for {
		total := 0
		for _, w := range weights {
			total += w.n
		}
		at := r.IntN(total)
		for _, w := range weights {
			if at -= w.n; at < 0 {
				if allowed[w.kind] {
					return w.kind
				}
				break
			}
		}
	}
}

// amount is mostly small, now and then more than any limit.
func amount(r *rand.Rand) money.Ore {
	switch r.IntN(12) {
	case 0:
		return money.Ore(1 + r.IntN(400_000))
	case 1, 2:
		return money.Ore(1 + r.IntN(100_000))
	default:
		return money.Ore(1 + r.IntN(20_000))
	}
}

func fault(r *rand.Rand) Fault {
	f := Fault{Kind: within[r.IntN(len(within))], Who: r.IntN(60), Salt: r.IntN(1 << 16)}
	f.At = 1 + r.IntN(1+r.IntN(reach[f.Kind])) // early positions occur in more steps
	return f
}

// reach bounds where in a step a fault may strike.
var reach = map[FaultKind]int{
	CutPower: 30, LoseCommand: 14, TearAnswer: 14, AlterCommand: 14, AlterAnswer: 14,
	OtherCommand: 4, OtherAnswer: 4, FalseSuccess: 6, ForgeAnswer: 1,
	KillNode: 60, KillCommit: 8, LoseCall: 16, LoseReply: 16, RepeatCall: 16, AlterCall: 16,
	Withhold: 2, Interleave: 16, InterleaveCommit: 30, AlterPhoneMessage: 1,
}
