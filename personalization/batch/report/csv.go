package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"ekrona.example/personalization/batch"
)

// Columns are those of the table, one row for each try at a card, and one for each
// card that was not started.
var Columns = []string{"number", "line", "owner", "name", "device", "card_serial", "state", "stage",
	"reason", "letter", "sessions", "card_ms", "host_ms", "last_reader", "ended"}

// CSV writes the report as a table (RFC 4180).
func CSV(out io.Writer, r batch.Record) error {
	w := csv.NewWriter(out)
	rows := [][]string{Columns}
	for i, item := range r.Items {
		head := []string{strconv.Itoa(i + 1), strconv.Itoa(item.Line), cell(item.Owner),
			cell(item.Name)}
		if len(item.Orders) == 0 {
			rows = append(rows, append(head, "", "", "open", "", "", "", "0", "0", "0", "", ""))
		}
		for _, tried := range item.Orders {
			rows = append(rows, append(head[:4:4], triedRow(tried, r.Sessions)...))
		}
	}
	if err := w.WriteAll(rows); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

func triedRow(t batch.Tried, sessions []batch.Session) []string {
	var n int
	var card, host int64
	var reader, ended string
	for _, v := range sessions {
		if v.Device != t.Device {
			continue
		}
		n++
		card, host = card+v.Card().Milliseconds(), host+v.Host().Milliseconds()
		reader, ended = v.Reader, v.Ended.UTC().Format("2006-01-02T15:04:05Z")
	}
	return []string{
		string(t.Device), string(t.CardSerial), t.State, t.Stage, cell(t.Reason),
		strconv.FormatBool(t.Letter),
		strconv.Itoa(n), strconv.FormatInt(card, 10), strconv.FormatInt(host, 10), cell(reader),
		ended,
	}
}

// cell keeps a spreadsheet from taking text for a formula.
func cell(text string) string {
	if strings.HasPrefix(text, "=") || strings.HasPrefix(text, "+") ||
		strings.HasPrefix(text, "-") || strings.HasPrefix(text, "@") {
		return "'" + text
	}
	return text
}
