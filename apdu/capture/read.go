package capture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"ekrona.example/apdu"
)

// ErrNothing reports that a file has no exchange that this package knows.
var ErrNothing = errors.New("capture: no exchange found: it reads JSON lines of this program, " +
	"pcap and pcapng with GSMTAP, what --trace=raw writes, and the logs of pySim, " +
	"GlobalPlatformPro, pcscd and OpenSC")

// maxLine is the longest line of a log in bytes: the longest exchange in hex with blanks, twice.
const maxLine = 1 << 19

// Read reads the exchanges of a capture or a log, whose format it finds out.
func Read(in io.Reader) ([]Exchange, error) {
	var all []Exchange
	err := Each(in, func(e Exchange) error {
		all = append(all, e)
		return nil
	})
	return all, err
}

// Each is Read for one exchange after the other, as a log grows. It ends at the first error of
// give.
func Each(in io.Reader, give func(Exchange) error) error {
	return Events{Exchange: give, Reset: func(Reset) error { return nil },
		Word: func(Word) error { return nil }}.Read(in)
}

// Events receive what a file has, in its order. All are set; the first error of one ends the
// reading.
type Events struct {
	Exchange func(Exchange) error
	Reset    func(Reset) error
	Word     func(Word) error
}

// Read is [Each] with what was done between the exchanges, as far as the file knows of it.
func (to Events) Read(in io.Reader) error {
	buffered, count := bufio.NewReaderSize(in, 1<<16), 0
	give := to.Exchange
	to.Exchange = func(e Exchange) error {
		count++
		return give(e)
	}
	magic, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("capture: %w", err)
	}
	switch string(magic) {
	case "\x0a\x0d\x0d\x0a":
		err = packets(buffered, true, to)
	case "\xd4\xc3\xb2\xa1", "\xa1\xb2\xc3\xd4", "\x4d\x3c\xb2\xa1", "\xa1\xb2\x3c\x4d":
		err = packets(buffered, false, to)
	default:
		err = text(buffered, to)
	}
	if err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	if count == 0 {
		return ErrNothing
	}
	return nil
}

// log is a log in text that is being read.
type log struct {
	to      Events
	pending *Exchange // a command whose response is to come
	dump    *dump     // bytes that go on in the next lines
	ours    byte      // how the line before began in a trace of ours, '>' or '<'
}

// dump is bytes over several lines.
type dump struct {
	bytes   []byte
	wanted  int // 0 until a status word ends a line
	command bool
}

func text(in io.Reader, to Events) error {
	l := &log{to: to}
	for lines := apdu.NewLines(in, maxLine); ; {
		line, err := lines.Next()
		switch {
		case errors.Is(err, io.EOF):
			return l.flush()
		case errors.Is(err, apdu.ErrLongLine): // which is none of a log
			continue
		case err == nil:
			err = l.line(line)
		}
		if err != nil {
			return err
		}
	}
}

// flush gives a command that got no response.
func (l *log) flush() error {
	if l.pending == nil {
		return nil
	}
	e := *l.pending
	l.pending = nil
	return l.to.Exchange(e)
}

// command begins an exchange.
func (l *log) command(hex string) error {
	b, err := apdu.ParseHex(hex)
	if err != nil || len(b) == 0 {
		return nil // some other line
	}
	if err := l.flush(); err != nil {
		return err
	}
	l.pending = &Exchange{Command: b}
	return nil
}

// response ends it.
func (l *log) response(hex string, took time.Duration) error {
	b, err := apdu.ParseHex(hex)
	if err != nil || l.pending == nil || !isResponse(b) {
		return nil
	}
	l.pending.Response = b
	if took > 0 {
		l.pending.Took = took
	}
	return l.flush()
}

// Lines of logs.
var (
	colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

	// GlobalPlatformPro -d: "A>> T=1 (4+0008) 80500000 08 EC25... 00",
	// "A<< (0028+2) (61ms) 00.. 9000".
	gpCommand  = regexp.MustCompile(`A>> (?:T=\S+ )?\(\d+\+\d+\) ([0-9A-Fa-f ]+?)\s*(?:<.*)?$`)
	gpResponse = regexp.MustCompile(
		`A<< \(\d+\+2\) \((?:(\d+)s)?(\d+)ms\) ([0-9A-Fa-f ]+?)\s*$`)

	// pySim --apdu-trace: "-> 00a4040010 a000..", "<- 9000: 62..".
	pySimCommand  = regexp.MustCompile(`^-> ([0-9a-fA-F]{8,10}) ?([0-9a-fA-F]*)\s*$`)
	pySimResponse = regexp.MustCompile(`^<- ([0-9a-fA-F]{4}): ?([0-9a-fA-F]*)\s*$`)

	// pcscd --apdu: "00000588 APDU: 00 A4 ..", "00008810 SW: 79 .. 90 00"; the number is
	// microseconds since the line before.
	pcscd = regexp.MustCompile(
		`(?:^|\s)(\d{8,}) (?:\[[^\]]*\] )?(?:.*?\) )?(APDU|SW):((?: ?[0-9A-Fa-f]{2})*)\s*$`)
	pcscdOther = regexp.MustCompile(`(?:^|\s)(\d{8,}) `)

	// OpenSC: "Outgoing APDU (5 bytes):" or "Outgoing APDU data [    8 bytes] ==", then bytes.
	openSC = regexp.MustCompile(`(Outgoing|Incoming) APDU(?: data)? [\[(]\s*(\d+) bytes`)
	hexRow = regexp.MustCompile(`^\s*((?:[0-9A-Fa-f]{2} ?)+)`)
)

func (l *log) line(line string) error {
	line = strings.TrimRight(colours.ReplaceAllString(line, ""), "\r\n")
	if trimmed := strings.TrimSpace(line); strings.HasPrefix(trimmed, "{") {
		return l.to.give([]byte(trimmed))
	}
	if done, err := l.traced(line); done {
		return err
	}
	if done, err := l.continued(line); done {
		return err
	}
	if m := gpCommand.FindStringSubmatch(line); m != nil {
		return l.command(m[1])
	}
	if m := gpResponse.FindStringSubmatch(line); m != nil {
		return l.response(m[3], took(m[1], time.Second)+took(m[2], time.Millisecond))
	}
	if m := pySimCommand.FindStringSubmatch(line); m != nil {
		return l.command(m[1] + m[2])
	}
	if m := pySimResponse.FindStringSubmatch(line); m != nil {
		return l.response(m[2]+m[1], 0)
	}
	if m := pcscd.FindStringSubmatch(line); m != nil {
		return l.daemon(m[1], m[2] == "APDU", m[3])
	}
	if m := openSC.FindStringSubmatch(line); m != nil {
		n, err := strconv.Atoi(m[2])
		if err == nil && n > 0 && n < maxLine {
			l.dump = &dump{wanted: n, command: m[1] == "Outgoing"}
		}
		return nil
	}
	if m := pcscdOther.FindStringSubmatch(line); m != nil && l.pending != nil {
		l.pending.Took += took(m[1], time.Microsecond)
	}
	return nil
}

// daemon is a line of pcscd.
func (l *log) daemon(since string, isCommand bool, hex string) error {
	if isCommand {
		return l.command(hex)
	}
	if l.pending != nil {
		l.pending.Took += took(since, time.Microsecond)
	}
	if strings.TrimSpace(hex) == "" { // as journals break it
		l.dump = &dump{}
		return nil
	}
	return l.response(hex, 0)
}

// took is a number of units; 0 for none.
func took(text string, unit time.Duration) time.Duration {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0
	}
	return time.Duration(n) * unit
}

// continued takes the next line of bytes over several; false if there are none under way, or the
// line is none of theirs.
func (l *log) continued(line string) (bool, error) {
	if l.dump == nil {
		return false, nil
	}
	m := hexRow.FindStringSubmatch(line)
	if m == nil {
		l.dump = nil
		return false, nil
	}
	d := l.dump
	b, err := apdu.ParseHex(m[1])
	if err != nil {
		l.dump = nil
		return false, nil
	}
	if d.wanted > 0 { // the row goes on with text, which may look like bytes
		const row = 16
		b = b[:min(len(b), row, d.wanted-len(d.bytes))]
	}
	d.bytes = append(d.bytes, b...)
	ended := d.wanted > 0 && len(d.bytes) >= d.wanted ||
		d.wanted == 0 && len(b) == statusWord && isResponse(b)
	if !ended {
		return true, nil
	}
	l.dump = nil
	hex := fmt.Sprintf("%X", bytes.Clone(d.bytes))
	if d.command {
		return true, l.command(hex)
	}
	return true, l.response(hex, 0)
}
