package script

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"ekrona.example/apdu"
)

// Expected is what an answer must be: one of the status words, and the data,
// when it is given.
type Expected struct {
	// None is that no answer comes; the rest is empty then.
	None   bool
	Status []Status
	Data   *Data // nil: any
}

// Exactly expects this answer and no other.
func Exactly(r apdu.Response) *Expected {
	return &Expected{Status: []Status{{uint16(r.SW), 0xFFFF}},
		Data: &Data{Bytes: bytes.Clone(r.Data), Any: make([]bool, len(r.Data))}}
}

// Status is a status word with digits that may be anything.
type Status struct {
	Code uint16
	Mask uint16 // digits that count, F each
}

// Data is response data with bytes that may be anything.
type Data struct {
	Bytes []byte
	Any   []bool // as long as Bytes: the byte there may be anything, and is 0 here
	Open  bool   // more may follow
}

// none is what stands for no answer.
const none = "none"

func (v *Vocabulary) parseExpected(text string) (*Expected, error) {
	if strings.EqualFold(strings.TrimSpace(text), none) {
		return &Expected{None: true}, nil
	}
	status, data, hasData := strings.Cut(text, ":")
	e := &Expected{}
	for _, word := range strings.Split(status, "|") {
		s, err := v.parseStatus(strings.TrimSpace(word))
		if err != nil {
			return nil, err
		}
		e.Status = append(e.Status, s)
	}
	if hasData {
		d, err := parseData(strings.Join(strings.Fields(data), ""))
		if err != nil {
			return nil, err
		}
		e.Data = d
	}
	return e, nil
}

func (v *Vocabulary) parseStatus(word string) (Status, error) {
	if s, known := v.status(word); known {
		return s, nil
	}
	digits := strings.ToUpper(word)
	if len(digits) == 4 && strings.Trim(digits, "0123456789ABCDEFX") == "" {
		code, err := strconv.ParseUint(strings.ReplaceAll(digits, "X", "0"), 16, 16)
		if err == nil {
			s := Status{Code: uint16(code)}
			for _, d := range digits {
				s.Mask <<= 4
				if d != 'X' {
					s.Mask |= 0xF
				}
			}
			return s, nil
		}
	}
	if word == "*" {
		return Status{}, syntax("%q is not a status word: write xxxx for any answer, 9000 : * for "+
			"any data", word)
	}
	return Status{}, syntax("%q is not a status word: write four hex digits, x for any, or its "+
		"name", apdu.Brief(word))
}

func parseData(text string) (*Data, error) {
	d := &Data{}
	text, d.Open = strings.CutSuffix(text, "*")
	for ; text != ""; text = text[2:] {
		if len(text) < 2 {
			return nil, syntax("data ends with half a byte")
		}
		b, err := strconv.ParseUint(text[:2], 16, 8)
		unknown := text[:2] == "??"
		if err != nil && !unknown {
			return nil, syntax("%q in the data is neither a byte nor ??", text[:2])
		}
		d.Bytes = append(d.Bytes, byte(b))
		d.Any = append(d.Any, unknown)
	}
	return d, nil
}

// String is the canonical text.
func (e *Expected) String() string {
	if e.None {
		return none
	}
	var text strings.Builder
	for i, s := range e.Status {
		if i > 0 {
			text.WriteString(" | ")
		}
		text.WriteString(s.String())
	}
	if e.Data != nil {
		text.WriteString(" :")
		if e.Data.Open || len(e.Data.Bytes) > 0 {
			text.WriteString(" " + e.Data.String())
		}
	}
	return text.String()
}

// String is four hex digits, x for any.
func (s Status) String() string {
	digits := []byte(fmt.Sprintf("%04X", s.Code))
	for i := range digits {
		if s.Mask>>(4*(3-i))&0xF == 0 {
			digits[i] = 'x'
		}
	}
	return string(digits)
}

// String is hex, ?? for any byte, * for any more.
func (d *Data) String() string {
	var text strings.Builder
	for i, b := range d.Bytes {
		if d.Any[i] {
			text.WriteString("??")
		} else {
			fmt.Fprintf(&text, "%02X", b)
		}
	}
	if d.Open {
		text.WriteByte('*')
	}
	return text.String()
}

func (s Status) matches(sw apdu.StatusWord) bool { return uint16(sw)&s.Mask == s.Code }

// mismatch is the index of the first byte that is not the expected one, -1 when
// b is as expected.
func (d *Data) mismatch(b []byte) int {
	for i := range d.Bytes {
		if i == len(b) || !d.Any[i] && b[i] != d.Bytes[i] {
			return i
		}
	}
	if len(b) > len(d.Bytes) && !d.Open {
		return len(d.Bytes)
	}
	return -1
}

// check returns how r differs from what is expected; nil when it does not. name is what
// the vocabulary calls its status word.
func (e *Expected) check(r apdu.Response, name string) error {
	for _, s := range e.Status {
		if !s.matches(r.SW) {
			continue
		}
		if e.Data == nil {
			return nil
		}
		if at := e.Data.mismatch(r.Data); at >= 0 {
			return fmt.Errorf("data differs at byte %d: expected %v, got %X", at, e.Data, r.Data)
		}
		return nil
	}
	return fmt.Errorf("expected status %v, got %s", e, name)
}
