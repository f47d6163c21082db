package card

import (
	"context"
	"encoding/binary"

	"ekrona/apdu/spec"
)

// Request opens a Request for an amount in öre and returns it signed. payer, when
// not empty, is the only device id that may pay it.
func (c *Client) Request(ctx context.Context, amount uint32, payer string) ([]byte, error) {
	data := new(objects).addCounter(spec.TagAmount, amount).
		add(spec.TagCurrency, binary.BigEndian.AppendUint16(nil, spec.Currency))
	if payer != "" {
		data.add(spec.TagDevice, []byte(payer))
	}
	if data.err != nil {
		return nil, data.err
	}
	return c.send(ctx, spec.RequestPayment.Only(), data.bytes)
}
