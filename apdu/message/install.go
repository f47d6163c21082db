package message

import (
	"errors"

	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/spec"
)

// InstallParameters are the application parameters of INSTALL
// (spec.InstallData). They hold the personalization token: keep them secret.
type InstallParameters struct {
	Device     DeviceID
	RootAnchor Hash      // SHA-256 of the root certificate's body; see cvc.Certificate.Anchor
	Role       spec.Role // card or SAM
	Ceilings   Policy    // without version; transactions at most Slots
	Slots      uint8     // of the log: spec.MinSlots to spec.MaxSlots
	MaxAttacks uint8     // that block the card, at most spec.MostAttacks; 0 for never
	Date       Date      // initial date floor
	Token      [spec.TokenLength]byte
}

func (p *InstallParameters) values() []layout.Value {
	return []layout.Value{
		&p.Device, &p.RootAnchor, roleOf(&p.Role, spec.RoleCard, spec.RoleSAM),
		ceilings{&p.Ceilings},
		slotsOf(&p.Slots), attacksOf(&p.MaxAttacks), currencyValue, &p.Date,
		layout.Bytes(p.Token[:]),
	}
}

func (p *InstallParameters) check() error {
	return errors.Join(CheckSlots(p.Slots, p.Ceilings), CheckAttacks(p.MaxAttacks))
}

// CheckAttacks refuses a number of attacks that no card counts to.
func CheckAttacks(most uint8) error {
	if most > spec.MostAttacks {
		return layout.Malformed("%d attacks: a card counts to %d", most, spec.MostAttacks)
	}
	return nil
}

// CheckSlots refuses what no card is installed with: fewer slots than spec.MinSlots, more
// than spec.MaxSlots, or ceilings of more transactions than the log has room for.
func CheckSlots(slots uint8, ceilings Policy) error {
	switch {
	case slots < spec.MinSlots || slots > spec.MaxSlots:
		return layout.Malformed("%d slots of the log: a card has %d to %d", slots, spec.MinSlots,
			spec.MaxSlots)
	case ceilings.MaxTransactions > uint16(slots):
		return layout.Malformed("a ceiling of %d transactions: the log has %d slots",
			ceilings.MaxTransactions, slots)
	}
	return nil
}

// slotsOf is the place of a number of slots.
func slotsOf(p *uint8) layout.Value {
	return layout.ByteOf[uint8]{P: p,
		Valid: func(n uint8) bool { return n >= spec.MinSlots && n <= spec.MaxSlots }}
}

// attacksOf is the place of a number of attacks.
func attacksOf(p *uint8) layout.Value {
	return layout.ByteOf[uint8]{P: p, Valid: func(n uint8) bool { return n <= spec.MostAttacks }}
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
