package shell

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"ekrona.example/apdu/script"
)

// errLong is the error of a line that was not read.
var errLong = fmt.Errorf("a line has at most %d bytes; this one was skipped", script.MaxLine)

// Run does the lines of in, one after the other, until in ends, and gives each result to show
// before it reads the next; lines without a step give none. With keepGoing a failure does not
// end the run. The error counts the lines that failed, or is that of in, of show or of ctx.
func (s *Session) Run(
	ctx context.Context, in io.Reader, keepGoing bool, show func(number int, r Result) error,
) error {
	lines, failed, first := bufio.NewReader(in), 0, error(nil)
	for number := 1; !s.ended; number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			break
		}
		r := Result{Failed: err}
		switch {
		case err == nil:
			r = s.Execute(ctx, line)
		case !errors.Is(err, errLong):
			return fmt.Errorf("read line %d: %w", number, err)
		}
		if r.Blank {
			continue
		}
		if err := show(number, r); err != nil {
			return err
		}
		if err := r.Err(); err != nil {
			if failed++; failed == 1 {
				first = fmt.Errorf("line %d: %w", number, err)
			}
			if !keepGoing {
				return first
			}
		}
	}
	if failed > 1 {
		return fmt.Errorf("%d lines failed, the first: %w", failed, first)
	}
	return first
}

// readLine returns the next line, or errLong after skipping one that is too long.
func readLine(lines *bufio.Reader) (string, error) {
	var line bytes.Buffer
	for {
		part, err := lines.ReadSlice('\n')
		if line.Len() <= script.MaxLine {
			line.Write(part)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && line.Len() > 0, err == nil:
			text := strings.TrimRight(line.String(), "\r\n")
			if len(text) > script.MaxLine {
				return "", errLong
			}
			return text, nil
		default:
			return "", err
		}
	}
}
