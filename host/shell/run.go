package shell

import (
	"context"
	"errors"
	"fmt"
	"io"

	"ekrona.example/apdu"
	"ekrona.example/apdu/script"
)

// Run does the lines of in, one after the other, until in ends, and gives each result to show
// before it reads the next; lines without a step give none. With keepGoing a failure does not
// end the run. The error counts the lines that failed, or is that of in, of show or of ctx.
func (s *Session) Run(
	ctx context.Context, in io.Reader, keepGoing bool, show func(number int, r Result) error,
) error {
	lines, failed, first := apdu.NewLines(in, script.MaxLine), 0, error(nil)
	for !s.ended {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, err := next(ctx, lines)
		if errors.Is(err, io.EOF) {
			break
		}
		number, r := lines.Number(), Result{Failed: err}
		switch {
		case err == nil:
			r = s.Execute(ctx, line)
		case !errors.Is(err, apdu.ErrLongLine):
			return err
		}
		if r.Blank {
			continue
		}
		if err := show(number, r); err != nil {
			return err
		}
		if err := r.Err(); err != nil {
			if failed++; failed == 1 {
				first = err
				if !errors.Is(err, apdu.ErrLongLine) { // which says it
					first = fmt.Errorf("line %d: %w", number, err)
				}
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

// next reads the next line, until ctx is done: nobody may be at the other end any more. What then
// still waits for the line ends with the program.
func next(ctx context.Context, lines *apdu.Lines) (string, error) {
	var line string
	var err error
	read := make(chan struct{})
	go func() {
		line, err = lines.Next()
		close(read)
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-read:
		return line, err
	}
}
