package glitch

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

// someView is what a card with money holds.
func someView(change ...func(*view)) view {
	policy, err := message.DefaultPolicy().Bytes()
	if err != nil {
		panic(err)
	}
	v := view{Selected: true, Life: spec.Active, Order: 4, Policy: policy, Counters: []byte{0, 0},
		State: &message.State{ATC: 3, Balance: 1000, InstructionSequence: 2, RequestCounter: 1,
			LifeCycle: spec.Active, Date: message.Date{}.AddDays(400), Head: message.Hash{1}},
		Records: [][]byte{{1}, {2}, {3}}, PINTries: 3, PUKTries: 9, PIN: "first"}
	for _, f := range change {
		f(&v)
	}
	return v
}

// paid is the same after a payment.
func paid(v *view) {
	v.State.ATC, v.State.Balance, v.State.Head = 4, 900, message.Hash{2}
	v.Records = [][]byte{{1}, {2}, {3}, {4}}
}

// TestGainsOf: what counts as a gain over a card before a payment of 100 and after it, and what is
// worse for the attacker.
func TestGainsOf(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*view)
		want   []Kind
	}{
		"as before":                {func(*view) {}, nil},
		"as after":                 {paid, nil},
		"the card is lost":         {func(v *view) { *v = view{} }, nil},
		"less money":               {func(v *view) { v.State.Balance = 10 }, nil},
		"blocked":                  {func(v *view) { v.Life = spec.Blocked }, nil},
		"fewer tries":              {func(v *view) { v.PINTries, v.PUKTries = 0, 1 }, nil},
		"an unknown PIN":           {func(v *view) { v.PIN = "" }, nil},
		"a later date":             {func(v *view) { v.State.Date = v.State.Date.AddDays(1) }, nil},
		"a higher order":           {func(v *view) { v.Order = 5 }, nil},
		"more money":               {func(v *view) { v.State.Balance = 1001 }, []Kind{Value}},
		"more tries":               {func(v *view) { v.PINTries = 15 }, []Kind{Tries}},
		"more tries of the PUK":    {func(v *view) { v.PUKTries = 10 }, []Kind{Tries}},
		"another PIN":              {func(v *view) { v.PIN = "other" }, []Kind{PIN}},
		"made anew":                {func(v *view) { v.Life = spec.Installed }, []Kind{LifeCycle}},
		"an earlier date":          {func(v *view) { v.State.Date = message.Date{} }, []Kind{Date}},
		"a lower order":            {func(v *view) { v.Order = 3 }, []Kind{Order}},
		"another order":            {func(v *view) { v.State.OrderHeld[0] = 1 }, []Kind{Order}},
		"another group":            {func(v *view) { v.Counters = []byte{0, 7} }, []Kind{Limits}},
		"the command passes later": {func(v *view) { v.Again = true }, []Kind{Trust}},
		"paid, and nothing less": {func(v *view) {
			paid(v)
			v.State.Balance = 1000
		}, []Kind{Value}},
		"less, and nothing paid": {func(v *view) {
			paid(v)
			v.State.ATC = 3
		}, []Kind{Log}},
		"an earlier Instruction": {func(v *view) { v.State.InstructionSequence = 1 },
			[]Kind{Instruction}},
		"an open Request that nobody made": {func(v *view) { v.Open = [][]byte{{1}} },
			[]Kind{Requests}},
		"a Request of another amount": {func(v *view) {
			v.State.OpenRequests = []message.OpenRequest{{Number: 1, Amount: 7}}
		}, []Kind{Requests}},
		"a record that is another": {func(v *view) {
			paid(v)
			v.Records[3] = []byte{9}
		}, []Kind{Garbage}},
		"a higher limit": {func(v *view) {
			p := message.DefaultPolicy()
			p.MaxPayment++
			v.Policy, _ = p.Bytes()
		}, []Kind{Limits}},
		"a lower limit": {func(v *view) {
			p := message.DefaultPolicy()
			p.MaxPayment--
			v.Policy, _ = p.Bytes()
		}, nil},
	} {
		var kinds []Kind
		for _, g := range gainsOf(someView(c.change), someView(), someView(paid)) {
			kinds = append(kinds, g.Kind)
			assert.NotEmpty(t, g.Detail, name)
		}
		assert.Equal(t, c.want, distinct(kinds), name)
	}
}

func TestIsWeak(t *testing.T) {
	assert.True(t, IsWeak([]Kind{Garbage, Garbage}))
	assert.False(t, IsWeak([]Kind{Garbage, Taken}))
}
