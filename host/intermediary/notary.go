package intermediary

import (
	"context"

	"ekrona/host/settlement"
)

// Notary is what an intermediary asks of the central bank; settlement.Notary
// says what each answer means. Every call can be repeated.
type Notary interface {
	Join(ctx context.Context, name string, ca, instructionKey []byte) error
	Register(ctx context.Context, from string, r settlement.Registration) error
	Submit(ctx context.Context, from string, items [][]byte) ([]settlement.Answer, error)
	OpenChallenge(ctx context.Context, from string, challenge []byte) error
	SubmitState(ctx context.Context, from string, state []byte) (settlement.StateReport, error)
	Outstanding(ctx context.Context, from, device string) (settlement.Outstanding, error)
	CoSign(ctx context.Context, from, order string, instruction []byte) ([]byte, error)
	Confirm(ctx context.Context, from string, confirmation []byte) error
	Refund(ctx context.Context, from string, r settlement.Refund) error
	ReportLost(ctx context.Context, from, device string) error
	End(ctx context.Context, from, device string) error
	Revoked(ctx context.Context, after int64, limit int) ([]settlement.Revocation, error)
	Statement(ctx context.Context, from string, after int64, limit int) ([]settlement.Entry, error)
}
