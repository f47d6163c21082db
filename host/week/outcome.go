package week

import (
	"errors"

	"ekrona/apdu"
	"ekrona/apdu/spec"
	"ekrona/applet/client"
	"ekrona/host/terminal"
)

// Reason is why an attempt did not succeed: whose limit, or what else.
type Reason string

// The reasons. None stands for an attempt that succeeded.
const (
	None              Reason = ""
	PayerTransactions Reason = "payer's transactions"
	PayerPayment      Reason = "payer's limit for one payment"
	PayerSpent        Reason = "payer's spending limit"
	PayerLog          Reason = "payer's log full"
	PayerLocked       Reason = "payer's PIN locked"
	PayeeTransactions Reason = "payee's transactions"
	PayeeBalance      Reason = "payee's room"
	PayeeRequests     Reason = "payee's open requests"
	PayeeLog          Reason = "payee's log full"
	PayeeLocked       Reason = "payee's PIN locked"
	TerminalFull      Reason = "terminal's receipts or sum"
	TerminalPayment   Reason = "terminal's limit for one payment"
	TerminalOpen      Reason = "terminal's open sales"
	Torn              Reason = "torn, and given up"
	Unexpected        Reason = "unexpected"
)

// Reasons lists them, for tables.
func Reasons() []Reason {
	return []Reason{PayerTransactions, PayerPayment, PayerSpent, PayerLog, PayerLocked,
		PayeeTransactions, PayeeBalance, PayeeRequests, PayeeLog, PayeeLocked, TerminalFull,
		TerminalPayment, TerminalOpen, Torn, Unexpected}
}

// outcome is what became of an attempt.
type outcome struct {
	played   bool
	unfunded bool // the payer knew that the card held less, and did not try
	reason   Reason
	torn     int   // taps that were torn
	err      error // of an unexpected one
}

// paid reports whether the attempt succeeded.
func (o outcome) paid() bool { return o.played && !o.unfunded && o.reason == None }

// status are the reasons of what a card answers: as the payer's, and as the payee's.
var status = map[apdu.StatusWord]struct{ payer, payee Reason }{
	spec.SWTransactionLimit: {PayerTransactions, PayeeTransactions},
	spec.SWPaymentLimit:     {PayerPayment, Unexpected},
	spec.SWBalanceLimit:     {Unexpected, PayeeBalance},
	spec.SWOpenRequests:     {Unexpected, PayeeRequests},
	spec.SWLogFull:          {PayerLog, PayeeLog},
	spec.SWPINBlocked:       {PayerLocked, PayeeLocked},
}

// refusals are the reasons of a terminal's own refusals.
var refusals = []struct {
	err    error
	reason Reason
}{
	{terminal.ErrSyncFirst, TerminalFull},
	{terminal.ErrTooMuch, TerminalPayment},
	{terminal.ErrOpenSales, TerminalOpen},
}

// reasonOf returns why a flow ended with an error; byPayee says that it was the payee's part.
func reasonOf(err error, byPayee bool) Reason {
	var refused *client.Refusal
	if errors.As(err, &refused) {
		if row, known := status[refused.SW]; known && byPayee {
			return row.payee
		} else if known {
			return row.payer
		}
		return Unexpected
	}
	for _, row := range refusals {
		if errors.Is(err, row.err) {
			return row.reason
		}
	}
	return Unexpected
}
