package limit

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
)

// TestEveryLimitHasItsWordsInBothLanguages: no limit of any owner leaves a hole in a sentence.
func TestEveryLimitHasItsWordsInBothLanguages(t *testing.T) {
	kinds := []Kind{Funds, Received, Payment, Balance, Transactions, Spent, OpenRequests, Log,
		Receipts, Sum, PayerSum, PIN, PINBlocked}
	require.Len(t, texts, len(kinds))
	for _, kind := range kinds {
		for whose := range owners {
			reached := &Reached{Limit: kind, Whose: whose}
			near := Near{kind, whose, Count(12), Count(2)}
			for _, line := range []string{reached.English(), reached.Swedish(), near.English(),
				near.Swedish()} {
				assert.NotContains(t, line, "%", "%s %s", kind, whose)
				assert.NotRegexp(t, `^[: ]|[: ]$|  |: :`, line, "%s %s", kind, whose)
			}
			assert.NotEqual(t, reached.English(), reached.Swedish())
		}
	}
}

func TestOfCardSaysWhoseLimitItIs(t *testing.T) {
	refused := &client.Refusal{Variant: spec.Pay.Only(), SW: spec.SWTransactionLimit}
	payer, payee := OfCard(refused, Payer), OfCard(fmt.Errorf("tap: %w", refused), Payee)
	assert.Contains(t, payer.Error(), "the payer's card's payments without the network")
	assert.Contains(t, payee.Error(), "the payee's card's payments without the network")
	assert.True(t, client.Is(payer, spec.SWTransactionLimit), "the refusal stays what it is")
	assert.Equal(t, payer, OfCard(payer, Payee), "the first to say so knows")
	assert.Contains(t, payer.Error(), "its owner's phone shows how much is possible")
	other := &client.Refusal{Variant: refused.Variant, SW: spec.SWSecurity}
	assert.Equal(t, error(other), OfCard(other, Payer))
	plain := errors.New("no card")
	assert.Equal(t, plain, OfCard(plain, Payer))
}

// A wrong PIN says how many tries are left; the last one, that there is none.
func TestAWrongPINSaysHowManyTriesAreLeft(t *testing.T) {
	refused := &client.Refusal{Variant: spec.Pay.Only(), SW: spec.SWPINWrong + 2}
	var reached *Reached
	require.ErrorAs(t, OfCard(refused, Payer), &reached)
	assert.Equal(t, "the payer's card's PIN was not the right one (2 tries left): enter the right "+
		"one; after the last try it is blocked (the card answered 63C2)", reached.Error())
	assert.Equal(t, "fel PIN-kod till betalarens kort (2 försök kvar): ange rätt kod; efter det "+
		"sista försöket spärras den", reached.Swedish())
	refused.SW = spec.SWPINWrong + 1
	require.ErrorAs(t, OfCard(refused, Payer), &reached)
	assert.Contains(t, reached.English(), "(1 try left)")
	for _, blocked := range []apdu.StatusWord{spec.SWPINWrong, spec.SWPINBlocked} {
		refused.SW = blocked
		require.ErrorAs(t, OfCard(refused, Payer), &reached)
		assert.Equal(t, PINBlocked, reached.Limit)
		assert.NotContains(t, reached.English(), "left")
	}
}

func TestNumbersAreShownAsFarAsTheyAreKnown(t *testing.T) {
	for want, r := range map[string]*Reached{
		"the terminal's sum without the network has no room for the amount " +
			"(at most 20000.00 kr; 15.00 kr left): ask for less, or synchronise the terminal " +
			"first": {Limit: Sum, Whose: Terminal, Most: Amount(20_000 * money.Krona),
			Left: Amount(15 * money.Krona)},
		"the terminal's sales without the network are used up (at most 12; 0 left): synchronise " +
			"the terminal first": {Limit: Receipts, Whose: Terminal, Most: Count(12),
			Left: Count(-1)},
		"the amount is above the card's limit for one payment (at most 3000.00 kr): ask for " +
			"less": {Limit: Payment, Whose: Card, Most: Amount(3000 * money.Krona)},
	} {
		assert.Equal(t, want, r.Error())
	}
	encoded, err := json.Marshal(&Reached{Limit: Receipts, Whose: Terminal, Most: Count(12),
		Left: Count(0)})
	require.NoError(t, err)
	assert.JSONEq(t, `{"limit": "receipts", "whose": "terminal", "most": 12, "left": 0,
		"text_en": "the terminal's sales without the network are used up (at most 12; 0 left): `+
		`synchronise the terminal first",
		"text_sv": "köpen utan uppkoppling på terminalen är slut (högst 12; 0 kvar): `+
		`koppla först upp terminalen",
		"remedy_en": "synchronise the terminal first",
		"remedy_sv": "koppla först upp terminalen"}`, string(encoded))
}
