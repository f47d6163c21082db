package report

import (
	"bytes"
	"encoding/csv"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/personalization/batch"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// stay is a visit of steps of a second each, a quarter of which is the host's.
func stay(
	reader string, device message.DeviceID, outcome string, after time.Duration, stages ...string,
) batch.Session {
	v := batch.Session{Reader: reader, Device: device, Began: noon.Add(after),
		Ended: noon.Add(after), Outcome: outcome}
	for _, stage := range stages {
		v.Steps = append(v.Steps,
			batch.Step{Stage: stage, Began: v.Ended, Ended: v.Ended.Add(time.Second),
				Card: 750 * time.Millisecond})
		v.Ended = v.Ended.Add(time.Second)
	}
	return v
}

// A job of four: one made at once, one made after a pull on another day, one begun
// after a rejection, one open; and a card that was turned away.
func record() batch.Record {
	const first, second, corrupted, third = "SENORDICC0000001", "SENORDICC0000002",
		"SENORDICC0000003", "SENORDICC0000004"
	refused := stay("left", "", "refused", 5*time.Second)
	refused.Reason = `it is <b>"somebody's"</b>`
	return batch.Record{
		Job: "spring", Bank: "SENORDIC", Started: noon,
		Items: []batch.Item{
			{Line: 2, Owner: "anna", Name: "Anna Ström",
				Orders: []batch.Tried{{Device: first, CardSerial: "a", State: "active",
					Stage: "active", Letter: true}}},
			{Line: 3, Owner: "=1+1", Name: "<script>alert(1)</script>",
				Orders: []batch.Tried{{Device: second, CardSerial: "b", State: "active",
					Stage: "active", Letter: true}}},
			{Line: 4, Owner: "cecilia", Name: "Cecilia", Orders: []batch.Tried{
				{Device: corrupted, CardSerial: "c", State: "rejected", Stage: "loaded",
					Reason: "the card is broken"},
				{Device: third, CardSerial: "d", State: "begun", Stage: "installed"},
			}},
			{Line: 5, Owner: "dora", Name: "Dora"},
		},
		Sessions: []batch.Session{
			stay("left", first, "active", 0, "inspected", "loaded", "active"),
			stay("right", second, "withdrawn", 0, "inspected"),
			refused,
			stay("right", second, "active", 24*time.Hour, "inspected", "active"),
			stay("left", corrupted, "rejected", 24*time.Hour, "loaded"),
			stay("left", third, "cut", 24*time.Hour+2*time.Second, "installed"),
		},
	}
}

// TestCellsNameTheirColumn: on a narrow page each cell is on a line of its own, where
// the heads of the columns are not seen.
func TestCellsNameTheirColumn(t *testing.T) {
	for _, cell := range regexp.MustCompile(`<td\b[^>]*>`).FindAllString(pageSource, -1) {
		assert.Contains(t, cell, "data-is=", cell)
	}
}

func TestPageTellsAll(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, HTML(&out, record()))
	page := out.String()
	for _, want := range []string{
		"<b>2 <span class=\"soft\">/ 4</span></b>cards made", "<b>1</b>wait for their card",
		"<b>1</b>not started", "<b>1</b>rejected", "<b>1</b>turned away",
		"<b>2.25 s</b>card, median", "<b>0.75 s</b>host, median",
		"Anna Ström", "&lt;script&gt;alert(1)&lt;/script&gt;",
		"SENORDICC0000003 at loaded: the card is broken", "SENORDICC0000004", "Dora",
		"active, 2 sessions",
		"it is &lt;b&gt;&#34;somebody&#39;s&#34;&lt;/b&gt;",
	} {
		assert.Contains(t, page, want)
	}
	assert.NotContains(t, page, "<script>")
	assert.NotContains(t, page, "ZgotmplZ", "a value that the template would not let through")
	assert.NotRegexp(t, `(?:src|href)=`, page, "it needs nothing else")
	assert.Equal(t, 2, strings.Count(page, `<div class="panel"><div class="soft">2026-11-2`),
		"two days of work")
	assert.Len(t, regexp.MustCompile(
		`<i class="(active|withdrawn|refused|rejected|cut)" style="left:[0-9.]+%;width:[0-9.]+%"`).
		FindAllString(page, -1), 6)
	assert.Contains(t, page, `<i class="cut" style="left:66.667%;width:33.333%"`,
		"the third second of three")

	require.NoError(t, HTML(&out, batch.Record{Job: "empty"}))
}

func TestTableTellsAll(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, CSV(&out, record()))
	rows, err := csv.NewReader(&out).ReadAll()
	require.NoError(t, err)
	require.Equal(t, [][]string{
		Columns,
		{"1", "2", "anna", "Anna Ström", "SENORDICC0000001", "a", "active", "active", "", "true",
			"1", "2250", "750", "left", "2026-11-22T12:00:03Z"},
		{"2", "3", "'=1+1", "<script>alert(1)</script>", "SENORDICC0000002", "b", "active",
			"active", "", "true", "2", "2250", "750", "right", "2026-11-23T12:00:02Z"},
		{"3", "4", "cecilia", "Cecilia", "SENORDICC0000003", "c", "rejected", "loaded",
			"the card is broken", "false", "1", "750", "250", "left", "2026-11-23T12:00:01Z"},
		{"3", "4", "cecilia", "Cecilia", "SENORDICC0000004", "d", "begun", "installed", "", "false",
			"1", "750", "250", "left", "2026-11-23T12:00:03Z"},
		{"4", "5", "dora", "Dora", "", "", "open", "", "", "", "0", "0", "0", "", ""},
	}, rows)
}
