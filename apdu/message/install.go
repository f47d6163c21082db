package message

import (
	"ekrona/apdu/layout"
	"ekrona/apdu/spec"
)

// InstallParameters are the application parameters of INSTALL
// (spec.InstallData). They hold the personalization token: keep them secret.
type InstallParameters struct {
	Device     DeviceID
	RootAnchor Hash      // SHA-256 of the root certificate's body; see cvc.Certificate.Anchor
	Role       spec.Role // card or SAM
	Ceilings   Policy    // version 0
	Date       Date      // initial date floor
	Token      [spec.TokenLength]byte
}

func (p *InstallParameters) values() []layout.Value {
	return []layout.Value{
		&p.Device, &p.RootAnchor, roleOf(&p.Role, spec.RoleCard, spec.RoleSAM), &p.Ceilings,
		currencyValue, &p.Date, layout.Bytes(p.Token[:]),
	}
}

func (p *InstallParameters) check() error {
	if p.Ceilings.Version != 0 {
		return layout.Malformed("ceilings have version %d, it must be 0", p.Ceilings.Version)
	}
	return nil
}

// Encode encodes the parameters.
func (p *InstallParameters) Encode() ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return layout.Append(nil, spec.InstallData, p.values())
}

// ParseInstallParameters decodes b, exactly.
func ParseInstallParameters(b []byte) (*InstallParameters, error) {
	p := new(InstallParameters)
	if err := layout.ReadExactly(b, spec.InstallData, p.values()); err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return p, nil
}
