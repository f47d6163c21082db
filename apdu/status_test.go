package apdu

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona/apdu/spec"
)

func TestStatusFamilies(t *testing.T) {
	families := []error{ErrPINWrong, ErrSecurity, ErrConditions, ErrWrongData, ErrNotFound, ErrUnsupported, ErrCardFault, ErrLimit,
		ErrNotAuthentic, ErrConflict}
	for _, c := range []struct {
		sw   StatusWord
		want error
	}{
		{0x63C2, ErrPINWrong}, {0x6982, ErrSecurity}, {spec.SWPINBlocked, ErrSecurity}, {spec.SWConditions, ErrConditions},
		{spec.SWBlocked, ErrConditions}, {spec.SWWrongData, ErrWrongData}, {spec.SWReferenceUnknown, ErrNotFound},
		{spec.SWInstruction, ErrUnsupported}, {spec.SWMemoryFailure, ErrCardFault}, {spec.SWFunds, ErrLimit},
		{spec.SWExpired, ErrNotAuthentic}, {spec.SWSequence, ErrConflict}, {0x9499, nil},
	} {
		err := fmt.Errorf("terminal: %w", Response{SW: c.sw}.Err())
		assert.ErrorIs(t, err, c.sw)
		for _, f := range families {
			assert.Equal(t, f == c.want, errors.Is(err, f), "%v, %v", c.sw, f)
		}
	}
}

func TestTriesLeft(t *testing.T) {
	for tries := range 16 {
		var wrong PINWrong
		require.ErrorAs(t, error(StatusWord(0x63C0+tries)), &wrong)
		assert.Equal(t, tries, wrong.Tries)
	}
	var wrong PINWrong
	assert.False(t, errors.As(StatusWord(spec.SWPINBlocked), &wrong))
}

// Every status word of the spec says what to do, in one line.
func TestStatusText(t *testing.T) {
	for _, row := range spec.StatusWords {
		text := StatusWord(row.Code).Error()
		assert.Contains(t, text, row.Name)
		assert.Contains(t, text, row.Remedy)
		assert.NotContains(t, text, "\n")
	}
	assert.Equal(t, "card answered 63C2 PIN_WRONG: PIN wrong or not verified; tries left: 2; give the right one", StatusWord(0x63C2).Error())
	assert.Contains(t, StatusWord(0x6123).String(), "MORE_DATA")
	assert.Equal(t, "9499", StatusWord(0x9499).String())
	assert.Contains(t, StatusWord(0x9499).Error(), "does not know")
}
