package parties

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/banking"
	"ekrona.example/host/order"
	"ekrona.example/host/terminal"
	"ekrona.example/host/wallet"
)

// What a bank refuses is said in Swedish on the customer's phone over a link too.
func TestARefusalIsSaidOverALink(t *testing.T) {
	for _, err := range []error{banking.ErrNotCovered, banking.ErrUnloadClosed, banking.ErrNoDevice,
		order.ErrSignature} {
		for _, wrapped := range []error{err, &order.Refused{Reason: err},
			&order.Refused{Reason: fmt.Errorf("load order 1: %w", err)}} {
			problem, known := banking.Errors.ProblemOf(wrapped)
			require.True(t, known)
			far := banking.Errors.ErrorOf(problem)
			assert.ErrorIs(t, far, err)
			assert.NotEmpty(t, Swedish(far), err.Error())
			assert.Equal(t, Swedish(err), Swedish(far))
		}
	}
}

// What stops a payment is said to the customer too, whatever it is wrapped in, and stays the error
// that it is; what no customer meets is not.
func TestARefusalIsSaidToTheCustomer(t *testing.T) {
	for err, want := range map[error]string{
		terminal.ErrRevoked:      "spärrat",
		terminal.ErrPayerExpired: "gått ut",
		&client.Refusal{Variant: spec.Pay.Only(), SW: spec.SWClosed}:     "avslutat",
		&client.Refusal{Variant: spec.Pay.Only(), SW: spec.SWFunds}:      "saldot på kortet",
		&terminal.TornTap{Sale: 7, Err: errors.New("gone")}:              "för tidigt",
		&client.Refusal{Variant: spec.Pay.Only(), SW: 0x63C2}:            "Försök kvar: 2.",
		&client.Refusal{Variant: spec.Pay.Only(), SW: spec.SWPINBlocked}: "PUK-koden",
		wallet.ErrPending:       "Laddningen är beställd",
		wallet.ErrNotTaken:      "kvar på kontot",
		errors.New("disk full"): "",
	} {
		for _, asJSON := range []bool{false, true} {
			var out, diagnostics bytes.Buffer
			command := &cobra.Command{}
			command.SetOut(&out)
			command.SetErr(&diagnostics)
			wrapped := fmt.Errorf("anna: %w", err)
			f := Flags{customers: true}
			f.AsJSON = asJSON
			assert.ErrorIs(t, f.showRefusal(command, wrapped), err)
			if want == "" {
				assert.Empty(t, out.String()+diagnostics.String())
				continue
			}
			if !asJSON {
				assert.Contains(t, diagnostics.String(), "the customer reads: ")
				assert.Contains(t, diagnostics.String(), want)
				continue
			}
			var answer struct{ Refused Notice }
			require.NoError(t, json.Unmarshal(out.Bytes(), &answer))
			assert.Contains(t, answer.Refused.Swedish, want)
			assert.Equal(t, wrapped.Error(), answer.Refused.English)
		}
	}
}
