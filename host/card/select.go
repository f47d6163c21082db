package card

import (
	"context"
	"encoding/binary"
	"fmt"

	"ekrona/apdu/spec"
)

// Application is what the card says of its application to everyone.
type Application struct {
	State        spec.LifeCycle
	Version      uint16 // of the spec: major, minor
	Capabilities byte   // bits of spec.Capabilities
}

// Select selects the application; a verified PIN and an answered Challenge of
// before are forgotten.
func (c *Client) Select(ctx context.Context) (Application, error) {
	v := spec.Select.Only()
	answer, err := c.send(ctx, v, []byte(spec.AppletAID))
	if err != nil {
		return Application{}, err
	}
	fci, err := values(v, answer, spec.TagFCI)
	if err != nil {
		return Application{}, err
	}
	parts, err := values(v, fci[0], spec.TagDFName, spec.TagFCIProprietary)
	if err != nil {
		return Application{}, err
	}
	fields, err := values(v, parts[1], spec.TagLifeCycle, spec.TagSpecVersion, spec.TagCapabilities)
	if err != nil {
		return Application{}, err
	}
	app := Application{spec.LifeCycle(fields[0][0]), binary.BigEndian.Uint16(fields[1]), fields[2][0]}
	if app.Version>>8 != spec.Version>>8 {
		return Application{}, fmt.Errorf("the card's application is of version %d.%d and this program speaks %d.%d: update the older of the two",
			app.Version>>8, app.Version&0xFF, spec.Version>>8, spec.Version&0xFF)
	}
	return app, nil
}
