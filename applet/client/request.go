package client

import (
	"context"

	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
)

// Request opens a Request for an amount and returns it signed. payer, when not
// empty, is the only device that may pay it.
func (c *Client) Request(
	ctx context.Context, amount money.Ore, payer message.DeviceID,
) ([]byte, error) {
	v := spec.RequestPayment.Only()
	currency := layout.Uint16(spec.Currency)
	values, fields := []layout.Value{message.AmountOf(&amount), &currency, &payer}, v.In
	if payer == "" { // the last field, which may be left out
		values, fields = values[:2], fields[:2]
	}
	data, err := layout.Append(nil, fields, values)
	if err != nil {
		return nil, err
	}
	return c.send(ctx, v, data)
}
