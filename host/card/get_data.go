package card

import (
	"context"
	"encoding/binary"

	"ekrona/apdu/spec"
)

// Certificate reads the card's own certificate (7F21). It asks for the PIN or a
// Challenge first, unless the policy lets the card receive without.
func (c *Client) Certificate(ctx context.Context) ([]byte, error) {
	v, err := variant(spec.GetData, "certificate")
	if err != nil {
		return nil, err
	}
	return c.send(ctx, v)
}

// Device reads the card's device id.
func (c *Client) Device(ctx context.Context) (string, error) {
	id, err := c.getData(ctx, "device", spec.TagDevice)
	return string(id), err
}

// Balance reads the card's balance in öre.
func (c *Client) Balance(ctx context.Context) (uint32, error) {
	balance, err := c.getData(ctx, "balance", spec.TagBalance)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32(balance), nil
}

// Policy reads the policy in force, as the content of DO CB.
func (c *Client) Policy(ctx context.Context) ([]byte, error) {
	return c.getData(ctx, "policy", spec.TagPolicy)
}

// Counters are the card's counters.
type Counters struct {
	ATC                 uint32 // records ever written
	AckedATC            uint32 // of them acknowledged
	InstructionSequence uint32 // number of the last Instruction applied
	Number              uint32 // highest request number given out
}

// Counters reads the card's counters.
func (c *Client) Counters(ctx context.Context) (Counters, error) {
	v, err := variant(spec.GetData, "counters")
	if err != nil {
		return Counters{}, err
	}
	content, err := c.getData(ctx, "counters", spec.TagCounters)
	if err != nil {
		return Counters{}, err
	}
	fields, err := values(v, content, spec.TagATC, spec.TagAckedATC, spec.TagInstructionSequence, spec.TagNumber)
	if err != nil {
		return Counters{}, err
	}
	number := binary.BigEndian.Uint32
	return Counters{number(fields[0]), number(fields[1]), number(fields[2]), number(fields[3])}, nil
}

// getData reads the value of one data object.
func (c *Client) getData(ctx context.Context, name string, tag spec.Tag) ([]byte, error) {
	v, err := variant(spec.GetData, name)
	if err != nil {
		return nil, err
	}
	answer, err := c.send(ctx, v)
	if err != nil {
		return nil, err
	}
	fields, err := values(v, answer, tag)
	if err != nil {
		return nil, err
	}
	return fields[0], nil
}
