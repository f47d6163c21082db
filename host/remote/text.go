package remote

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

var errNotUTF8 = errors.New("text that is not UTF-8")

// CheckText refuses a text that cannot be sent or kept as it is: one that is not UTF-8, or that
// contains NUL, which PostgreSQL keeps in no text. A service checks every free text that it
// receives before it uses it.
func CheckText(s string) error {
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return fmt.Errorf("text %q: give UTF-8 without NUL", s)
	}
	return nil
}

// escape is one escape sequence in a JSON text, or two that may be the halves of one character.
var escape = regexp.MustCompile(`(?i)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})|` +
	`\\u([0-9a-f]{4})|\\.`)

// hasReplacement reports whether encoding/json wrote bytes that are not UTF-8 as U+FFFD. It
// escapes only that one: a U+FFFD of the text itself is written as it is.
func hasReplacement(encoded []byte) bool {
	if !bytes.Contains(encoded, []byte(`\ufffd`)) {
		return false
	}
	for _, found := range escape.FindAll(encoded, -1) {
		if string(found) == `\ufffd` {
			return true
		}
	}
	return false
}

// hasLoneSurrogate reports whether half a character is escaped, for which encoding/json reads
// U+FFFD.
func hasLoneSurrogate(b []byte) bool {
	if !bytes.Contains(b, []byte(`\u`)) {
		return false
	}
	for _, found := range escape.FindAllSubmatch(b, -1) {
		code, err := strconv.ParseUint(string(found[3]), 16, 16)
		if err == nil && utf16.IsSurrogate(rune(code)) {
			return true
		}
	}
	return false
}
