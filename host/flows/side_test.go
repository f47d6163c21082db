package flows

import (
	"context"
	"testing"

	"ekrona/host/wallet"
)

// withPIN is the person with phone and card, who enters the PIN at once.
func (p *person) withPIN(t *testing.T) wallet.Side {
	return wallet.Side{Phone: p.phone,
		Hold: func(context.Context, bool) (wallet.Tap, error) { return p.tap(t), nil }}
}

// side is the person with phone and card, who enters the PIN where the card asks for it.
func (p *person) side(t *testing.T) wallet.Side {
	return wallet.Side{Phone: p.phone,
		Hold: func(_ context.Context, withPIN bool) (wallet.Tap, error) {
			if withPIN {
				return p.tap(t), nil
			}
			return wallet.Tap{Card: p.reader()}, nil
		}}
}
