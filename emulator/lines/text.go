package lines

import (
	"bytes"
	"unicode/utf8"
)

// SourceText is a source file in UTF-8. What is not is ISO 8859-1, of which every byte is a
// character; lines stay where they are.
func SourceText(source []byte) []byte {
	if utf8.Valid(source) {
		return source
	}
	var out bytes.Buffer
	for _, b := range source {
		out.WriteRune(rune(b))
	}
	return out.Bytes()
}
