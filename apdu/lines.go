package apdu

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxSkipped is the most bytes of one line that are read to find its end.
const maxSkipped = 1 << 20

// byteOrderMark begins a text that some editors write in UTF-8; it says nothing.
const byteOrderMark = "\uFEFF"

// ErrLongLine reports that a line is longer than it may be. It was skipped: the next can be read.
var ErrLongLine = errors.New("the line is too long, and was skipped")

// ErrEndless reports that a line does not end, as those of a device or of a file of another kind.
var ErrEndless = errors.New("this is no text in lines: give a file or a pipe of lines")

// Lines reads a text line by line, however long the text is, and no more of a line than it may
// have. The text is in UTF-8, or in UTF-16 that begins by saying so.
type Lines struct {
	in     *bufio.Reader
	most   int
	number int
}

// NewLines reads lines of at most so many bytes.
func NewLines(in io.Reader, most int) *Lines { return &Lines{in: bufio.NewReader(in), most: most} }

// Number is that of the line that was read last, from 1.
func (l *Lines) Number() int { return l.number }

// Next returns the next line without its end. Errors say which line it is; [io.EOF] at the end,
// [ErrLongLine], [ErrEndless], those of reading.
func (l *Lines) Next() (string, error) {
	if l.number == 0 {
		l.in = inUTF8(l.in)
	}
	var line strings.Builder
	for size := 0; ; {
		part, err := l.in.ReadSlice('\n')
		if size == 0 && len(part) > 0 {
			l.number++
		}
		if size += len(part); line.Len() <= l.most {
			line.Write(part)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && size <= max(maxSkipped, 2*l.most):
			continue
		case errors.Is(err, bufio.ErrBufferFull):
			return "", fmt.Errorf("line %d has more than %d bytes: %w", l.number, size, ErrEndless)
		case errors.Is(err, io.EOF) && size > 0, err == nil:
			text := strings.TrimRight(line.String(), "\r\n")
			if l.number == 1 {
				text = strings.TrimPrefix(text, byteOrderMark)
			}
			if len(text) > l.most {
				return "", fmt.Errorf("line %d has more than %d bytes: %w", l.number, l.most,
					ErrLongLine)
			}
			return text, nil
		case errors.Is(err, io.EOF):
			return "", io.EOF
		}
		return "", fmt.Errorf("line %d: %w", l.number+1, err)
	}
}
