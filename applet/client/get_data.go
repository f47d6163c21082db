package client

import (
	"context"
	"fmt"

	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
)

// Certificate reads the card's own certificate (7F21). It needs the PIN or a Challenge
// first, unless the policy allows the card to receive without PIN.
func (c *Client) Certificate(ctx context.Context) ([]byte, error) {
	v, err := variant(spec.GetData, "certificate")
	if err != nil {
		return nil, err
	}
	return c.send(ctx, v)
}

// BatchCertificate reads the certificate of the card's batch key (7F21), which any reader
// may have.
func (c *Client) BatchCertificate(ctx context.Context) ([]byte, error) {
	v, err := variant(spec.GetData, "batch certificate")
	if err != nil {
		return nil, err
	}
	return c.send(ctx, v)
}

// Device reads the card's device id.
func (c *Client) Device(ctx context.Context) (message.DeviceID, error) {
	var id message.DeviceID
	err := c.getData(ctx, "device", &id)
	return id, err
}

// Balance reads the card's balance.
func (c *Client) Balance(ctx context.Context) (money.Ore, error) {
	var balance money.Ore
	err := c.getData(ctx, "balance", message.AmountOf(&balance))
	return balance, err
}

// Policy reads the policy in force.
func (c *Client) Policy(ctx context.Context) (message.Policy, error) {
	var policy message.Policy
	err := c.getData(ctx, "policy", &policy)
	return policy, err
}

// Counters reads the card's counters.
func (c *Client) Counters(ctx context.Context) (message.Counters, error) {
	v, err := variant(spec.GetData, "counters")
	if err != nil {
		return message.Counters{}, err
	}
	answer, err := c.send(ctx, v)
	if err != nil {
		return message.Counters{}, err
	}
	counters, err := message.ParseCounters(answer)
	if err != nil {
		return message.Counters{}, answerError(v, err)
	}
	return *counters, nil
}

// getData reads one data object into value.
func (c *Client) getData(ctx context.Context, name string, value layout.Value) error {
	v, err := variant(spec.GetData, name)
	if err != nil {
		return err
	}
	answer, err := c.send(ctx, v)
	if err != nil {
		return err
	}
	if err := layout.ReadExactly(answer, v.Out, []layout.Value{value}); err != nil {
		return answerError(v, err)
	}
	return nil
}

// variant finds a variant that the table must have.
func variant(command *spec.Command, name string) (spec.Variant, error) {
	v, found := command.Variant(name)
	if !found {
		return v, fmt.Errorf("card: the spec's %s has no variant %q", command.Name, name)
	}
	return v, nil
}
