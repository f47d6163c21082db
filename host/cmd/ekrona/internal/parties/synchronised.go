package parties

import (
	"fmt"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/money"
	"ekrona.example/host/session"
)

// SyncAnswer is what a synchronisation did, for a script.
type SyncAnswer struct {
	Instructions int       `json:"instructions"`
	Credited     money.Ore `json:"credited_ore"`
	Untaken      money.Ore `json:"untaken_ore"`
	Unanswered   int       `json:"unanswered"`
	Difference   money.Ore `json:"difference_ore"`
	Notices
}

// SessionAnswer is a session for a script.
func (f *Flags) SessionAnswer(r session.Result) SyncAnswer {
	return SyncAnswer{r.Instructions, r.Credited, r.Untaken, len(r.Unanswered), r.Difference,
		f.Notices()}
}

// Synchronised answers with what a session did.
func (f *Flags) Synchronised(c *cobra.Command, who string, r session.Result) error {
	text := fmt.Sprintf("%s has synchronised: %d Instruction(s) applied", who, r.Instructions)
	if r.Credited > 0 {
		text += fmt.Sprintf(", %s loaded", r.Credited)
	}
	if len(r.Unanswered) > 0 {
		text += fmt.Sprintf(", %d payment(s) wait: %v", len(r.Unanswered), r.Unanswered[0])
	}
	return f.Answer(c, f.SessionAnswer(r), "%s", text)
}
