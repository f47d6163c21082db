package gpc

import (
	"context"

	"ekrona.example/apdu"
)

// MoreCommands in P1 of DELETE, INSTALL and PUT KEY reports that the command goes on
// in the next (GPC tables 11-21, 11-41, 11-65).
const MoreCommands = 0x80

// Chains reports whether an instruction may come in parts.
func Chains(instruction byte) bool {
	return instruction == InsDelete || instruction == InsInstall || instruction == InsPutKey
}

// Chaining sends a command of [Chains] that is too long for a short APDU in parts (GPC
// §11.1.5.1). It belongs below a secure channel, which protects the whole; other
// commands go out unchanged.
type Chaining struct{ Card apdu.Card }

// Transmit sends c, in as many APDUs as it takes, and returns the last response, or
// the first that is not 9000.
func (f Chaining) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	if !Chains(c.INS) {
		return f.Card.Transmit(ctx, c)
	}
	rest := c.Data
	c.Extended, c.Ne = false, min(c.Ne, apdu.MaxShortNe)
	for len(rest) > apdu.MaxShortData {
		part := c
		part.P1 |= MoreCommands
		part.Data, part.Ne = rest[:apdu.MaxShortData], 0
		rest = rest[apdu.MaxShortData:]
		r, err := f.Card.Transmit(ctx, part)
		if err == nil {
			err = apdu.CheckPart(r)
		}
		if err != nil || r.SW != apdu.OK {
			return r, err
		}
	}
	c.Data = rest
	return f.Card.Transmit(ctx, c)
}
