package suite

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
)

// TestCoverage shows that the bookkeeping sees what it must: a row counts only
// when its own exchange happened, and an answer outside the spec is reported.
func TestCoverage(t *testing.T) {
	tests := []struct {
		name     string
		command  apdu.Command
		sw       apdu.StatusWord
		touches  *row
		reported bool
	}{
		{"success of a variant", spec.Select.Only().APDU(), apdu.OK, &row{"SELECT", "", spec.SWOK},
			false},
		{"first part of an answer", spec.Pay.Only().APDU(), 0x61F0, &row{"PAY", "", spec.SWOK},
			false},
		{"tries left", spec.Verify.Only().APDU(), 0x63C2, &row{"VERIFY", "", spec.SWPINWrong},
			false},
		{"part of a chain", apdu.Command{CLA: 0x90, INS: spec.Pay.INS}, apdu.OK, nil, false},
		{"refused part of a chain", apdu.Command{CLA: 0x90, INS: spec.Pay.INS}, spec.SWWrongLength,
			&row{"PAY", "", spec.SWWrongLength}, false},
		{"wrong class", apdu.Command{CLA: 0xC0, INS: spec.Pay.INS}, spec.SWClass,
			&row{"PAY", "", spec.SWClass}, false},
		{"unknown instruction", apdu.Command{INS: 0x02}, spec.SWInstruction,
			&row{noCommand, "", spec.SWInstruction}, false},
		{"success of an unknown instruction", apdu.Command{INS: 0x02}, apdu.OK, nil, true},
		{"success with parameters of no variant", apdu.Command{INS: spec.Select.INS}, apdu.OK, nil,
			true},
		{"status word of another command", spec.Select.Only().APDU(), spec.SWFunds, nil, true},
		{"status word unknown to the spec", spec.Select.Only().APDU(), 0x6999, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := newCoverage()
			answer := apdu.CardFunc(func(context.Context, apdu.Command) (apdu.Response, error) {
				return apdu.Response{SW: tt.sw}, nil
			})
			_, err := apdu.Recorder{Card: answer, Sink: v.record}.Transmit(t.Context(), tt.command)
			require.NoError(t, err)
			want := map[row]int{}
			if tt.touches != nil {
				want[*tt.touches] = 1
				assert.NotContains(t, v.missing(), *tt.touches)
			}
			assert.Equal(t, want, v.touched)
			assert.Equal(t, tt.reported, len(v.unexpected) > 0, "%v", v.unexpected)
		})
	}
	required := slices.DeleteFunc(slices.Clone(allRows), row.isOptional)
	assert.ElementsMatch(t, required, newCoverage().missing(),
		"nothing is covered before the first exchange")
}
