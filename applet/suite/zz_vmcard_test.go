package suite

import (
	"context"
	"os"
	"testing"

	"ekrona/apdu"
	"ekrona/apdu/spec"
	"ekrona/emulator/card"
)

type zz struct{ c *card.Card }

func (z *zz) Install(ctx context.Context, p []byte) (apdu.Card, error) {
	c, err := card.New(card.Options{Profile: card.P71})
	if err != nil {
		return nil, err
	}
	f, err := os.ReadFile("../ekrona.cap")
	if err != nil {
		return nil, err
	}
	if _, err := c.Load(f); err != nil {
		return nil, err
	}
	if _, err := c.Install([]byte(spec.AppletAID), []byte(spec.AppletAID), p); err != nil {
		return nil, err
	}
	z.c = c
	return c, nil
}
func (z *zz) Reset(context.Context) error { z.c.Reset(); return nil }
func (z *zz) Capabilities() Capabilities  { return Capabilities{} }

func TestZZ(t *testing.T) { Run(t, &zz{}) }
