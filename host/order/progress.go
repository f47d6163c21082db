package order

import "ekrona.example/apdu/money"

// Progress is the state of an order at the intermediary.
type Progress struct {
	Amount money.Ore `json:"amount"`
	State  string    `json:"state"`            // for a human reader
	Final  bool      `json:"final"`            // nothing more will happen to it
	Done   bool      `json:"done"`             // it was carried out
	Reason string    `json:"reason,omitempty"` // why not, when it is final and not done
}

// Refused says that an order will not be carried out; its money is where it was. After any other
// error the same order is sent again. A nil one is a refusal without a reason.
type Refused struct{ Reason error }

// Error returns the reason.
func (r *Refused) Error() string {
	if r == nil || r.Reason == nil {
		return "the order is refused"
	}
	return r.Reason.Error()
}

// Unwrap returns the reason.
func (r *Refused) Unwrap() error {
	if r == nil {
		return nil
	}
	return r.Reason
}
