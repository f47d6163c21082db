package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu"
)

// drawn is any exchange with a command that is one.
func drawn(t *rapid.T) Exchange {
	c := apdu.Command{
		CLA: rapid.Byte().Draw(t, "CLA"), INS: rapid.Byte().Draw(t, "INS"),
		P1: rapid.Byte().Draw(t, "P1"), P2: rapid.Byte().Draw(t, "P2"),
		Data: rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(t, "data"),
		Ne:   rapid.SampledFrom([]int{0, 1, 256, 65536}).Draw(t, "Ne"),
	}
	raw, err := c.Bytes()
	require.NoError(t, err)
	e := Exchange{Command: raw, Label: rapid.SampledFrom([]string{"", "ACS 0", "ACS 1"}).
		Draw(t, "label"),
		Began: time.Unix(0, 1000*rapid.Int64Range(1, 1<<50).Draw(t, "time")).UTC()}
	if rapid.Bool().Draw(t, "answered") {
		e.Response = append(rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "answer"), 0x90, 0)
	}
	return e
}

// What is written is read back: all of it from JSON lines, bytes and times from pcapng.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var lines, packets bytes.Buffer
		toJSON := NewJSON(&lines)
		toPCAP, err := NewPCAP(&packets)
		require.NoError(t, err)
		var want []Exchange
		for range rapid.IntRange(1, 4).Draw(t, "n") {
			e := drawn(t)
			require.NoError(t, toPCAP.Exchange(e))
			want = append(want, e)
			e.Took = 1500 * time.Microsecond
			if len(e.Command) > 5 {
				e.Masked.Command = []apdu.Span{{From: 5, To: len(e.Command)}}
				clear(e.Command[5:])
			}
			require.NoError(t, toJSON.Exchange(e))
			require.NoError(t, toJSON.Reset("x", []byte{0x3B}, e.Began))
			require.NoError(t, toPCAP.Reset("x", []byte{0x3B}, e.Began))
		}
		got, err := Read(&packets)
		require.NoError(t, err)
		require.Len(t, got, len(want))
		fromJSON, err := Read(&lines)
		require.NoError(t, err)
		require.Len(t, fromJSON, len(want))
		for i, w := range want {
			got[i].Began = got[i].Began.UTC()
			if len(got[i].Response) == 0 {
				got[i].Response = nil
			}
			if w.Label == "" {
				got[i].Label = ""
			}
			command := w.Command
			require.Equal(t, w.Response, got[i].Response)
			require.Equal(t, w.Label, got[i].Label)
			require.Equal(t, w.Began, got[i].Began)
			require.Equal(t, len(command), len(got[i].Command))
			require.Equal(t, command, fromJSON[i].Command)
			require.Equal(t, len(command) > 5, len(fromJSON[i].Masked.Command) > 0)
			require.Equal(t, 1500*time.Microsecond, fromJSON[i].Took)
		}
	})
}

// Logs of others, written here in their forms.
func TestLogsOfOthers(t *testing.T) {
	want := []string{"00A4040008A00000015100000000 6F108408A000000151000000A5049F6501FF9000",
		"80CA9F7F00 6A88", "00A4000C023F00 9000"}
	for name, took := range map[string][]time.Duration{
		"gp.log":     {26 * time.Millisecond, 8378 * time.Millisecond, 11 * time.Millisecond},
		"pysim.log":  {0, 0, 0},
		"pcscd.log":  {26120 * time.Microsecond, 900 * time.Microsecond, 800 * time.Microsecond},
		"opensc.log": {0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			file, err := os.Open(filepath.Join("testdata", name))
			require.NoError(t, err)
			defer file.Close()
			all, err := Read(file)
			require.NoError(t, err)
			require.Len(t, all, len(want))
			for i, e := range all {
				assert.Equal(t, want[i], masked(e.Command, nil)+" "+masked(e.Response, nil))
				assert.Equal(t, took[i], e.Took)
			}
		})
	}
	_, err := Read(strings.NewReader("nothing of cards\n"))
	assert.ErrorIs(t, err, ErrNothing)
}

// SIMtrace's packets say nothing of where the command ends.
func TestSplit(t *testing.T) {
	for _, c := range []struct{ command, response string }{
		{"00A40004023F00", "6120"}, {"00C0000004", "620282019000"}, {"00B0000000", ""},
		{"00B000000A", "01029000"}, {"0020000108", "6983"}, {"00A4040002A000", "6F009000"},
		{"80F2000C00", "9000"}, {"80F24002024F00", "E3009000"}, {"00", ""}, {"", ""},
	} {
		command, err := apdu.ParseHex(c.command)
		require.NoError(t, err)
		response, err := apdu.ParseHex(c.response)
		require.NoError(t, err)
		gotCommand, gotResponse := split(append(command, response...), -1)
		assert.Equal(t, c.command+" "+c.response, masked(gotCommand, nil)+" "+
			masked(gotResponse, nil))
	}
}

// A file keeps what a Recorder saw, of carried and carriers the carriers.
func TestFiles(t *testing.T) {
	for _, name := range []string{"a.jsonl", "a.pcapng"} {
		path := filepath.Join(t.TempDir(), name)
		f, err := Create(path)
		require.NoError(t, err)
		f.Reset("card", []byte{0x3B, 0}, time.Unix(1, 0))
		card := apdu.Recorder{Label: "card", Sink: f.Sink, Card: apdu.Recorder{
			Sink: f.Sink, Label: "card", Secrets: func(apdu.Command, apdu.Response) apdu.Secrets {
				return apdu.Secrets{Command: []apdu.Span{{From: 0, To: 2}}}
			}, Card: apdu.CardFunc(func(_ context.Context, c apdu.Command) (apdu.Response, error) {
				if c.INS == 1 {
					return apdu.Response{}, errors.New("the power")
				}
				return apdu.Response{SW: apdu.OK}, nil
			})}}
		_, err = card.Transmit(t.Context(), apdu.Command{INS: 0x20, Data: []byte{1, 2}})
		require.NoError(t, err)
		_, err = card.Transmit(t.Context(), apdu.Command{INS: 1})
		require.Error(t, err)
		require.NoError(t, f.Close())
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Contains(t, string(content), "the power")
		all, err := Read(bytes.NewReader(content))
		require.NoError(t, err)
		require.Len(t, all, 2)
		assert.Equal(t, []byte{0, 0x20, 0, 0, 2, 0, 0}, all[0].Command)
		assert.Equal(t, []byte{0x90, 0}, all[0].Response)
		assert.Empty(t, all[1].Response)
	}
	_, err := Create(filepath.Join(t.TempDir(), "a.txt"))
	assert.ErrorContains(t, err, ".pcapng")
}

// What was masked is masked when it is read again, whatever the form; resets, cuts and snapshots
// are there, in their order.
func TestMaskedStaysMasked(t *testing.T) {
	e := Exchange{Label: "card", Command: []byte{0x80, 2, 0, 0, 3, 1, 0, 0},
		Response: []byte{0, 0, 0xCA, 0x90, 0}, Began: time.Unix(1, 0).UTC(),
		Masked: apdu.Secrets{Command: []apdu.Span{{From: 6, To: 8}},
			Response: []apdu.Span{{From: 0, To: 1}, {From: 1, To: 2}}}}
	none := Exchange{Command: []byte{0, 0xB0, 0, 0}, Failed: "the card has lost power"}
	var lines, packets bytes.Buffer
	toPCAP, err := NewPCAP(&packets)
	require.NoError(t, err)
	for _, w := range []Writer{NewJSON(&lines), toPCAP} {
		require.NoError(t, w.Reset("card", []byte{0x3B, 0}, e.Began))
		require.NoError(t, w.Exchange(e))
		require.NoError(t, w.Word(Word{"card", "snapshot a", e.Began}))
		require.NoError(t, w.Word(Word{"card", "cut 3", e.Began}))
		require.NoError(t, w.Exchange(none))
	}
	trace := "reset, ATR 3B00\n> 80 02 00 00, not in the reference\n  = 8002000003 01\n" +
		"> 80 02 00 00\n  = 800200000301****\n  3 bytes, hidden\n" +
		"< 9000 OK\n  = ****CA9000\nnext: something\n" +
		"done: snapshot a\ndone: cut 3\n" +
		"> READ BINARY\n  = 00B00000\n< no answer: the card has lost power\n"
	for name, in := range map[string]string{"json": lines.String(), "pcapng": packets.String(),
		"trace": trace} {
		var all []Exchange
		order := ""
		require.NoError(t, Events{Exchange: func(e Exchange) error {
			all = append(all, e)
			order += "exchange, "
			return nil
		}, Reset: func(r Reset) error {
			order += fmt.Sprintf("reset %X, ", r.ATR)
			return nil
		}, Word: func(w Word) error {
			order += w.Line + ", "
			return nil
		}}.Read(strings.NewReader(in)), name)
		require.Equal(t, "reset 3B00, exchange, snapshot a, cut 3, exchange, ", order, name)
		assert.Equal(t, "8002000003 01****", masked(all[0].Command, all[0].Masked.Command)[:10]+
			" "+masked(all[0].Command, all[0].Masked.Command)[10:], name)
		assert.Equal(t, "****CA9000", masked(all[0].Response, all[0].Masked.Response), name)
		assert.Equal(t, none.Command, all[1].Command, name)
		assert.Equal(t, none.Failed, all[1].Failed, name)
		assert.Empty(t, all[1].Response, name)
	}
	for _, text := range []string{"x", "5-", "-1-2", "4-3", "0-99", "99999999999999999999-1"} {
		assert.Empty(t, spansIn(text, 10), text)
	}
}

// Wireshark decodes what is written.
func TestWireshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed: scripts/set-up brings it")
	}
	path := filepath.Join(t.TempDir(), "capture.pcapng")
	f, err := Create(path)
	require.NoError(t, err)
	f.Reset("virtual", []byte{0x3B, 0x00}, time.Unix(1_000_000_000, 0))
	f.Sink(apdu.Exchange{Command: apdu.Command{INS: 0xA4, P1: 4, Data: []byte{0xA0, 0, 0, 1, 0x51}},
		Response: apdu.Response{SW: 0x6A82}, Began: time.Unix(1_000_000_001, 250_000_000)})
	f.Sink(apdu.Exchange{Command: apdu.Command{INS: 0xB0, P1: 1, Ne: 2},
		Response: apdu.Response{Data: []byte{1, 2}, SW: apdu.OK}, Label: "other",
		Began: time.Unix(1_000_000_002, 0)})
	require.NoError(t, f.Close())
	out, err := exec.CommandContext(t.Context(), tshark, "-r", path, "-T", "fields",
		"-e", "frame.time_epoch", "-e", "frame.interface_name", "-e", "_ws.col.Protocol",
		"-e", "gsm_sim.apdu.ins", "-e", "gsm_sim.aid", "-e", "gsm_sim.apdu.sw").Output()
	require.NoError(t, err)
	rows := strings.Split(strings.TrimSpace(string(out)), "\n")
	require.Len(t, rows, 3)
	assert.True(t, strings.HasPrefix(rows[0], "1000000000.000000000\tvirtual\tISO 7816-3\t\t"),
		rows[0])
	assert.Equal(t, "1000000001.250000000\tcard\tgsm sim\t0xa4\ta000000151\t0x6a82",
		strings.ToLower(rows[1]))
	assert.True(t, strings.HasPrefix(rows[2], "1000000002.000000000\tother\tGSM SIM\t0xb0\t"),
		rows[2])
	assert.True(t, strings.HasSuffix(rows[2], "\t0x9000"), rows[2])
	out, err = exec.CommandContext(t.Context(), tshark, "-r", path, "-Y", "iso7816.atr", "-T",
		"fields", "-e", "iso7816.atr.init_char", "-e", "iso7816.atr.t0").Output()
	require.NoError(t, err)
	assert.Equal(t, "0x3b\t0x00", strings.TrimSpace(string(out)), "the answer to reset, no more")
}

// An answer to reset is read as others write it too, by GSMTAP's sub type.
func TestAnswerToResetOfOthers(t *testing.T) {
	var file bytes.Buffer
	w, err := NewPCAP(&file)
	require.NoError(t, err)
	require.NoError(t, w.Reset("", []byte{0x3B, 0x00}, time.Unix(1, 0)))
	require.NoError(t, w.tapped("", tapATR, []byte{0x3B, 0x01}, time.Unix(2, 0)))
	var atrs []string
	none := func(Exchange) error { return errors.New("an exchange") }
	assert.ErrorIs(t, Events{Exchange: none, Reset: func(r Reset) error {
		atrs = append(atrs, fmt.Sprintf("%X", r.ATR))
		return nil
	}}.Read(&file), ErrNothing)
	assert.Equal(t, []string{"3B00", "3B01"}, atrs)
}

// FuzzRead: whatever a file holds, reading ends, and each exchange has a command.
func FuzzRead(f *testing.F) {
	logs, err := filepath.Glob("testdata/*.log")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range logs {
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	var packets bytes.Buffer
	w, err := NewPCAP(&packets)
	if err != nil {
		f.Fatal(err)
	}
	seed := Exchange{Command: []byte{0, 0xA4, 0, 0}, Response: []byte{0x90, 0}}
	if err := w.Exchange(seed); err != nil {
		f.Fatal(err)
	}
	f.Add(packets.Bytes())
	f.Add([]byte(`{"command":"00A4**00","response":"9000"}`))
	f.Add([]byte("> SELECT\n  = 00A4**00\n< 9000 OK\n  = 9000\n> X\n  = 00\n< no answer: y\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		all, _ := Read(bytes.NewReader(content))
		for _, e := range all {
			require.NotEmpty(t, e.Command)
		}
	})
}

// An error of a log says in which line or packet it is; a long line of another program is passed
// over, and a device without end is not read to its end.
func TestErrorsNameTheirPlace(t *testing.T) {
	long := strings.Repeat("x", maxLine+1)
	log := "-> 00a40400\n<- 9000: \n"
	all, err := Read(strings.NewReader(long + "\n" + log))
	require.NoError(t, err)
	assert.Len(t, all, 1)
	_, err = Read(strings.NewReader(log + strings.Repeat("x", 4*maxLine)))
	require.ErrorIs(t, err, apdu.ErrEndless)
	assert.ErrorContains(t, err, "capture: line 3 has more than ")

	var packets bytes.Buffer
	w, err := NewPCAP(&packets)
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, w.Exchange(Exchange{Command: []byte{0, 0xB0, 0, 0}}))
	}
	_, err = Read(bytes.NewReader(packets.Bytes()[:packets.Len()-5]))
	assert.ErrorContains(t, err, "capture: packet 2: ")
	assert.ErrorContains(t, err, "the file is not whole")
	for _, magic := range []string{"\x0a\x0d\x0d\x0a", "\xd4\xc3\xb2\xa1"} {
		_, err = Read(strings.NewReader(magic + "\x00"))
		assert.ErrorContains(t, err, "capture: its beginning: unexpected EOF: the file is not ")
	}
}
