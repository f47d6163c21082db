package sandbox

import (
	"context"
	"fmt"

	"ekrona/apdu/message"
	"ekrona/host/banking"
	"ekrona/host/notary"
	"ekrona/host/party"
	"ekrona/host/party/bank"
	"ekrona/host/remote"
)

// network is what the parties of a sandbox reach each other over.
type network struct{ isCut bool }

// check returns the error of a call that cannot be made.
func (n *network) check() error {
	if n.isCut {
		return fmt.Errorf("sandbox: there is no network: the other side %w", remote.ErrUnreachable)
	}
	return nil
}

// CutNetwork ends the network: every call from a phone or a terminal to a bank, and from a bank to
// the central bank, fails with [remote.ErrUnreachable] until [Sandbox.RestoreNetwork]. What people
// inside a bank or the central bank do there goes on.
func (s *Sandbox) CutNetwork() { s.network.isCut = true }

// RestoreNetwork ends what [Sandbox.CutNetwork] has begun.
func (s *Sandbox) RestoreNetwork() { s.network.isCut = false }

// onDemand is the link to a party of the sandbox, which is started from its folder by the first
// call. The call goes through the same codec as over a network.
type onDemand struct {
	network *network
	start   func(ctx context.Context) (*remote.Server, error)
}

// Call implements [remote.Transport].
func (o onDemand) Call(ctx context.Context, name string, request []byte) (remote.Reply, error) {
	if err := o.network.check(); err != nil {
		return remote.Reply{}, err
	}
	server, err := o.start(ctx)
	if err != nil {
		return remote.Reply{}, err
	}
	return server.Call(ctx, name, request)
}

// dialNotary returns the link to the central bank of a folder for one intermediary.
func (s *Sandbox) dialNotary(caller message.Name) party.Dial {
	return func(folder string) remote.Transport {
		return onDemand{&s.network, func(ctx context.Context) (*remote.Server, error) {
			c, err := s.centralBankAt(ctx, folder)
			if err != nil {
				return nil, err
			}
			return notary.ServeParticipant(c.For(caller)).LogTo(s.options.Log), nil
		}}
	}
}

// dialBank returns the link to the bank of a folder, for the callers that serve answers.
func (s *Sandbox) dialBank(serve func(b *bank.Bank) *remote.Server) party.Dial {
	return func(folder string) remote.Transport {
		return onDemand{&s.network, func(ctx context.Context) (*remote.Server, error) {
			b, err := s.bankAt(ctx, folder)
			if err != nil {
				return nil, err
			}
			return serve(b).LogTo(s.options.Log), nil
		}}
	}
}

func forPhone(b *bank.Bank) *remote.Server { return banking.ServeWallet(b) }

func forTerminal(b *bank.Bank) *remote.Server { return banking.ServePointOfSale(b) }
