package personalization

import "fmt"

// Stage is how far a card is on its way from blank to active. Each is something
// that the card, or for Registered the notary, keeps when power goes.
type Stage int

// The stages, in their order. Secured and KeysReplaced are only gone through if
// the line is to do that.
const (
	Inspected    Stage = iota + 1 // it is a card that this order may go on; nothing was changed
	KeysReplaced                  // keys of its own have replaced the card's initial ones
	Loaded                        // the applet's load file is on it
	Installed                     // the instance has the order's id, root and token
	Secured                       // the card's life cycle is SECURED
	KeysMade                      // the instance has made its keys, and proved to be this order's
	Registered                    // intermediary and notary know the device and its key
	Filled                        // certificates, batch key, PIN and PUK are on it
	Active                        // the card has forgotten the token and works
)

var stageNames = map[Stage]string{
	Inspected: "inspected", KeysReplaced: "keys replaced", Loaded: "loaded", Installed: "installed",
	Secured:  "secured",
	KeysMade: "keys made", Registered: "registered", Filled: "filled", Active: "active",
}

// String names the stage, as journals and reports keep it.
func (s Stage) String() string {
	if name, known := stageNames[s]; known {
		return name
	}
	return fmt.Sprintf("stage %d", int(s))
}

// Name is String, and empty for a card that has reached none.
func (s Stage) Name() string {
	if s == 0 {
		return ""
	}
	return s.String()
}

// ParseStage is the reverse of String.
func ParseStage(name string) (Stage, error) {
	for s, n := range stageNames {
		if n == name {
			return s, nil
		}
	}
	return 0, fmt.Errorf("personalization: there is no stage %q", name)
}

// stageFunc receives each stage after it is true and before anything else is done.
// Stages that were true before are reported again.
type stageFunc func(Stage) error

func noop(Stage) error { return nil }
