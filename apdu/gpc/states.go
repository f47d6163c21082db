package gpc

import "fmt"

// CardState names a life cycle state of the card, which is that of its issuer security
// domain (GPC table 11-6).
func CardState(s LifeCycle) string {
	switch s {
	case OPReady:
		return "OP_READY"
	case Initialized:
		return "INITIALIZED"
	case Secured:
		return "SECURED"
	case CardLocked:
		return "CARD_LOCKED"
	case Terminated:
		return "TERMINATED"
	}
	return fmt.Sprintf("state %02X", byte(s))
}

// ApplicationState names a life cycle state of an application (GPC table 11-4); the
// states above SELECTABLE are the application's own.
func ApplicationState(s LifeCycle) string {
	switch {
	case s&LockedBit != 0:
		return "LOCKED"
	case s == Installed:
		return "INSTALLED"
	case s == Selectable:
		return "SELECTABLE"
	}
	return fmt.Sprintf("state %02X", byte(s))
}
