package sandbox

import (
	"context"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/host/banking"
	"ekrona.example/host/notary"
	"ekrona.example/host/party"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/remote"
	"ekrona.example/host/service/link"
	"ekrona.example/personalization/pki/transport"
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
	return func(folder string, _ party.Caller) remote.Transport {
		return onDemand{&s.network, func(ctx context.Context) (*remote.Server, error) {
			c, err := s.centralBankAt(ctx, folder)
			if err != nil {
				return nil, err
			}
			return notary.ServeParticipant(c.For(caller)).LogTo(s.options.Log), nil
		}}
	}
}

// dialBank is the party.Dial to a bank: at its address on the network where the options name one,
// otherwise in its folder.
func (s *Sandbox) dialBank(address string, by party.Caller) remote.Transport {
	address, err := s.addressOf(address)
	if err != nil {
		return party.Failing{Why: err}
	}
	if link.IsURL(address) {
		return s.overNetwork(address, by)
	}
	return onDemand{&s.network, func(ctx context.Context) (*remote.Server, error) {
		b, err := s.bankAt(ctx, address)
		if err != nil {
			return nil, err
		}
		return forCaller(b, by.Key).LogTo(s.options.Log), nil
	}}
}

// forCaller answers a phone or a terminal.
func forCaller(b *bank.Bank, caller link.Key) *remote.Server {
	if caller.Device != "" {
		return banking.ServePointOfSale(b.ForTerminal(caller.Device))
	}
	return banking.ServeApp(b.ForCustomer(caller.Customer))
}

// addressOf returns where a bank is reached whose address a party's settings have.
func (s *Sandbox) addressOf(address string) (string, error) {
	if len(s.options.Banks) == 0 || link.IsURL(address) {
		return address, nil
	}
	if url, given := s.options.Banks[""]; given {
		return url, nil
	}
	settings, err := bank.ReadSettings(address)
	if err != nil {
		return "", err
	}
	if url, given := s.options.Banks[settings.Name]; given {
		return url, nil
	}
	return "", fmt.Errorf("sandbox: the address of %s is needed: --bank %s=URL", settings.Name,
		settings.Name)
}

// overNetwork is the link to a bank at a URL.
func (s *Sandbox) overNetwork(address string, by party.Caller) remote.Transport {
	contract := bank.App
	if by.Key.Device != "" {
		contract = bank.Terminal
	}
	trust, err := transport.Open(context.Background(), by.Trust, "", s.options.Clock.Now)
	if err != nil {
		return party.Failing{Why: err}
	}
	return party.Linked(link.Config{URL: address, Contract: contract, TLS: trust.Client,
		Signer: &by.Signer, Absence: party.PersonsAbsence})
}
