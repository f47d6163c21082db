package simulator

import (
	"fmt"
	"iter"
	"strings"
)

// note writes a line of the story. A failed write changes nothing.
func (w *world) note(format string, args ...any) {
	if w.options.Story != nil {
		_, _ = fmt.Fprintf(w.options.Story, format+"\n", args...)
	}
}

func linesOf(text string) iter.Seq[string] {
	return strings.SplitSeq(strings.TrimRight(text, "\n"), "\n")
}

// speaker returns the party that starts a step.
func (w *world) speaker(s Step) string {
	switch s.Kind {
	case SyncTerminal, RefundSale, SetTerminalBack, SetClock:
		return w.terminals[s.Other%len(w.terminals)].merchant
	case Wait:
		return "time"
	case EndDue, OrderCrisis:
		return centralBank
	case RobCrisis:
		return "thieves"
	case BackUp, Restore, SendJunk, Issue:
		return string(w.banks[s.Who%len(w.banks)].name)
	}
	return w.people[s.Who%len(w.people)].name
}

// sentence returns what happens in a step, before its outcome.
func (w *world) sentence(s Step) string {
	other := w.people[s.Other%len(w.people)].name
	merchant := w.terminals[s.Other%len(w.terminals)].merchant
	amount := s.Amount.String()
	if allowsEverything[s.Kind] && s.Amount == everything {
		amount = "all that there is"
	}
	text := map[Kind]string{
		Load:                 fmt.Sprintf("loads %s", s.Amount),
		Unload:               fmt.Sprintf("unloads %s", amount),
		Transfer:             fmt.Sprintf("is paid %s by %s, card to card", amount, other),
		Ask:                  fmt.Sprintf("asks for %s", s.Amount),
		Pay:                  "pays a Request that came",
		Accept:               "accepts a Payment that came",
		Answer:               "takes a payee's answer that came",
		Refuse:               "refuses a Request of its own",
		Sale:                 fmt.Sprintf("pays %s at the %s", amount, merchant),
		TapAgain:             fmt.Sprintf("taps again at the %s", merchant),
		RefuseSale:           fmt.Sprintf("leaves: the %s refuses a sale", merchant),
		Sync:                 "synchronises",
		SyncTerminal:         "synchronises its terminal",
		Wait:                 "passes",
		Report:               "reports its card lost",
		Lose:                 "loses its card for good",
		OrderWithFormerPhone: "is robbed: a thief orders with its former phone",
		End:                  "requests the end of its lost card",
		EndDue:               "ends the devices that are due",
		Block:                "has its card blocked",
		Unblock:              "has its card unblocked",
		Policy:               "gets another policy",
		EnterWrong:           "enters a wrong PIN",
		GiveTries:            "asks for new PIN tries",
		Copy:                 "has its card copied",
		RollBack:             "keeps an image of its card, or goes back to it",
		SendRandomCommands:   "holds its card to a reader that says anything",
		SendJunk:             "receives random messages from a phone",
		Forge:                fmt.Sprintf("is credited %s by its intermediary alone", s.Amount),
		Replay:               "has an old Instruction given to its card",
		BackUp:               "makes a backup",
		Restore:              "goes back to its backup",
		Chain: fmt.Sprintf(
			"is paid %s by %s and spends all at the %s, which synchronises first", s.Amount, other,
			merchant),
		Issue:           "makes a card for a late customer",
		Renew:           fmt.Sprintf("gets a later certificate, or the %s does", merchant),
		RefundSale:      fmt.Sprintf("gives back a sale, or %s of one", s.Amount),
		SetTerminalBack: "keeps a copy of its terminal's store, or sets it back",
		ChangePhone:     "copies what is on its phone, or gets another phone",
		Cancel:          "has its last unload closed that is not paid",
		UsePUK:          "sets the PIN with the PUK",
		OrderCrisis:     "orders a crisis, or its end",
		PassCrisis:      fmt.Sprintf("gets a crisis order, or the %s does", merchant),
		RobCrisis:       "order a crisis with stolen keys",
		SetClock:        "sets its terminal's clock",
		SetGroup:        "belongs to another group of people",
		PayWithStolenCA: "is paid by a card that its intermediary's stolen key has certified",
		Mint: fmt.Sprintf("is to have a credit of %s or more that nobody ordered",
			s.Amount),
	}[s.Kind]
	for _, f := range s.Faults {
		text += fmt.Sprintf(" [planned: %s]", f)
	}
	return text
}
