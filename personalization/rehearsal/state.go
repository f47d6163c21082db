package rehearsal

import (
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/spec"
	"ekrona.example/personalization/preflight"
)

// State is a card before its issuing, as far as it shows itself without keys.
type State struct {
	Domain  []byte // AID of the card manager
	MaxData int    // that its commands take
	Keys    []gpc.KeyInfo
	Applet  spec.LifeCycle // 0 if it is not on the card

	// Suppliers is true if the keys of the final version are not the line's but those that
	// the card came with, which only shows when it is opened.
	Suppliers bool
}

// StateOf is what a preflight found. ok is false when it found no card manager.
func StateOf(r *preflight.Report) (s State, ok bool) {
	if r.Domain == nil {
		return s, false
	}
	return State{Domain: r.Domain.AID, MaxData: r.Domain.MaxData, Keys: r.Keys,
		Applet: r.AppletState()}, true
}

// IsStarted reports whether the applet is on the card and not yet active.
func (s State) IsStarted() bool { return s.Applet == spec.Installed || s.Applet == spec.KeysMade }

// initial is the version and the length in bytes of the AES keys that the card came
// with: of the first set but the line's, or what a blank card has.
func (s State) initial(final byte) (version byte, length int) {
	for _, k := range s.Keys {
		if k.ID == gpc.FirstKeyID && k.Type == gpc.KeyTypeAES &&
			(k.Version != final || s.Suppliers) {
			return k.Version, k.Length
		}
	}
	return gpc.InitialKeySet, 16
}

// HasKeys reports whether keys of this version are on the card.
func (s State) HasKeys(version byte) bool {
	for _, k := range s.Keys {
		if k.Version == version {
			return true
		}
	}
	return false
}
