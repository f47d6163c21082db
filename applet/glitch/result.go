package glitch

import (
	"encoding/json"
	"fmt"

	"ekrona.example/applet/campaign"
)

// Found is faults with a gain.
type Found struct {
	Fault    string   `json:"fault"`   // its whole name, see NameOf
	Model    string   `json:"model"`   // of a pair both, with a comma
	Command  string   `json:"command"` // its header
	Answered string   `json:"answered"`
	Kinds    []Kind   `json:"kinds"`
	Details  []string `json:"details"`
	Place    Place    `json:"place"`
	Mnemonic string   `json:"mnemonic"`
	Path     []Place  `json:"path"` // the calls down to the place, the outermost first

	// Of a pair, where the second fault is, and how many bytecodes after the first.
	Second Place `json:"second,omitzero"`
	Apart  int   `json:"apart,omitempty"`

	// How easy it is to hit.
	N            int     `json:"n"`            // the bytecode in the command, from 0
	Steps        int     `json:"steps"`        // bytecodes of the command without a fault
	Row          int     `json:"row"`          // bytecodes in a row that gain something, with this
	Milliseconds float64 `json:"milliseconds"` // from the command to the bytecode, on a P71
	MissCosts    string  `json:"miss_costs"`   // what a miss takes; "" for nothing
}

// IsPair reports whether it takes two faults.
func (f Found) IsPair() bool { return isPair(f.Fault) }

// counts is what a case adds to a result.
type counts struct {
	Commands int     `json:"commands"`
	Faults   int     `json:"faults"`
	Pairs    int     `json:"pairs"`
	Found    []Found `json:"found"`
}

// Result is what a campaign has found.
type Result struct {
	Cases, Commands int
	Possible        int // single faults that there are
	Faults, Pairs   int // tried
	Found           []Found
	Broken          []string // cases that could not be tried, and why
	Untried         int      // cases that are still to be tried
}

// add adds the outcome of a case.
func (r *Result) add(o campaign.Outcome) error {
	switch o.Verdict {
	case campaign.Open:
		r.Untried++
		return nil
	case campaign.Broken:
		r.Broken = append(r.Broken, o.Variant+": "+o.Detail)
		return nil
	}
	var n counts
	if err := json.Unmarshal([]byte(o.Detail), &n); err != nil {
		return fmt.Errorf("%s: %w", o.Variant, err)
	}
	r.Cases++
	r.Commands += n.Commands
	r.Faults += n.Faults
	r.Pairs += n.Pairs
	r.Found = append(r.Found, n.Found...)
	return nil
}
