package notary

import (
	"encoding/json"
	"fmt"

	"ekrona.example/host/remote"
)

// UnmarshalText reads a key.
func (k *OrderKey) UnmarshalText(text []byte) (err error) {
	*k, err = ParseOrderKey(string(text))
	return err
}

// answer is an Answer as it is sent over a link.
type answer struct {
	Held    bool            `json:"held"`
	Payment *PaymentStatus  `json:"payment,omitempty"`
	Refused *remote.Problem `json:"refused,omitempty"`
}

// JSONShape returns what is sent of an answer.
func (Answer) JSONShape() any { return answer{} }

// MarshalJSON writes Err with its code.
func (a Answer) MarshalJSON() ([]byte, error) {
	out := answer{Held: a.Held, Payment: a.Payment}
	if a.Err != nil {
		p, ok := Errors.ProblemOf(a.Err)
		if !ok {
			return nil, fmt.Errorf("an answer's error is a refusal, and not: %w", a.Err)
		}
		out.Refused = &p
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads Err by its code.
func (a *Answer) UnmarshalJSON(b []byte) error {
	var in answer
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*a = Answer{Held: in.Held, Payment: in.Payment}
	if in.Refused != nil {
		if a.Err = Errors.ErrorOf(*in.Refused); a.Err == nil {
			return fmt.Errorf("an answer's error has the unknown code %q", in.Refused.Code)
		}
	}
	return nil
}
