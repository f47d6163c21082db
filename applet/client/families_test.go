package client

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
)

func TestStatusFamilies(t *testing.T) {
	families := []error{
		ErrPINWrong, ErrSecurity, ErrConditions, ErrWrongData, ErrNotFound, ErrUnsupported,
		ErrCardFault, ErrLimit, ErrNotAuthentic, ErrConflict,
	}
	for _, c := range []struct {
		sw   apdu.StatusWord
		want error
	}{
		{0x63C2, ErrPINWrong}, {0x6982, ErrSecurity}, {spec.SWPINBlocked, ErrSecurity},
		{spec.SWConditions, ErrConditions}, {spec.SWBlocked, ErrConditions},
		{spec.SWWrongData, ErrWrongData}, {spec.SWReferenceUnknown, ErrNotFound},
		{spec.SWInstruction, ErrUnsupported}, {spec.SWMemoryFailure, ErrCardFault},
		{spec.SWFunds, ErrLimit}, {spec.SWExpired, ErrNotAuthentic}, {spec.SWSequence, ErrConflict},
		{spec.SWFileNotFound, ErrNotFound}, {0x9499, nil}, {apdu.SWNotSupported, nil},
	} {
		err := fmt.Errorf("terminal: %w", &Refusal{Variant: spec.Pay.Only(), SW: c.sw})
		assert.ErrorIs(t, err, c.sw)
		assert.True(t, Is(err, c.sw))
		for _, f := range families {
			assert.Equal(t, f == c.want, errors.Is(err, f), "%v, %v", c.sw, f)
		}
	}
}

// The error of a refusal has the command, the status word, what the applet means by it
// and what to do, in one line; for a status word that is not the applet's, the
// standard's meaning.
func TestRefusalsSayWhatToDo(t *testing.T) {
	for _, row := range spec.StatusWords {
		text := (&Refusal{Variant: spec.Pay.Only(), SW: row.Code}).Error()
		assert.Contains(t, text, "PAY")
		assert.Contains(t, text, row.Name)
		if row.Code != spec.SWOK { // which is no refusal
			assert.Contains(t, text, row.Remedy)
		}
		assert.NotContains(t, text, "\n")
	}
	for sw, want := range map[apdu.StatusWord]string{
		spec.SWFunds: "9401 FUNDS: balance is lower than the amount; load the card or ask for less",
		0x63C2: "63C2 PIN_WRONG: PIN wrong or not verified; tries left: 2; " +
			"give the right one",
		0x6A81: "6A81 NOT_SUPPORTED: function not supported",
		0x9499: "9499: proprietary: the application defines what it means",
	} {
		assert.EqualError(t, &Refusal{Variant: spec.Pay.Only(), SW: sw},
			"the card refuses PAY: it answered "+want)
	}
	var left apdu.TriesLeft
	require.ErrorAs(t, error(&Refusal{Variant: spec.Verify.Only(), SW: 0x63C2}), &left)
	assert.EqualValues(t, 2, left)
}
