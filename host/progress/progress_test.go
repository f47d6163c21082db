package progress_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/progress"
)

func TestEventForALog(t *testing.T) {
	line, err := json.Marshal(progress.Event{
		Kind: progress.Made, Who: "left", Device: "SENORDICC0000003",
		Count: progress.Count{Total: 5, Done: 2, Begun: 1},
	})
	require.NoError(t, err)
	assert.JSONEq(
		t,
		`{"event":"made","who":"left","device":"SENORDICC0000003","count":{"total":5,"done":2,"begun":1}}`,
		string(line),
	)
	line, err = json.Marshal(progress.Event{Kind: progress.Chapter, Text: "Load"})
	require.NoError(t, err)
	assert.JSONEq(t, `{"event":"chapter","text":"Load"}`, string(line))
}

func TestCountAndNobodyToShowTo(t *testing.T) {
	assert.Equal(t, 2, progress.Count{Total: 5, Done: 2, Begun: 1}.Left())
	progress.Show(nil).Emit(progress.Event{})
	var got []progress.Kind
	progress.Show(func(e progress.Event) { got = append(got, e.Kind) }).
		Emit(progress.Event{Kind: progress.Acted})
	assert.Equal(t, []progress.Kind{progress.Acted}, got)
}
