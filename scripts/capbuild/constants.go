package capbuild

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// constant is the declaration, on one line, of a number; its name is the first group.
var constant = regexp.MustCompile(
	`(?m)^[ \t]*(?:(?:public|private|protected) )?static final (?:byte|short|int) (\w+) = ` +
		`[^;\n]*;.*$`)

// literal is the declaration of one whose value is a literal: its type, name and value.
var literal = regexp.MustCompile(
	`(?m)^[ \t]*(?:(?:public|protected) )?static final (byte|short|int) (\w+) = ` +
		`((?:\((?:byte|short)\) )?-?(?:0x[0-9A-Fa-f]+|[0-9]+));`)

// qualified is a name that a class leads, and no package before it, as in an import: the second
// group. The first one is what stands before it.
var qualified = regexp.MustCompile(`(^|[^.\w])([A-Z]\w*\.[A-Z][A-Z0-9_]*)\b`)

var javaWord = regexp.MustCompile(`\w+`)

// copyWithoutConstants copies a package's sources, each line at its place, with numbers for the
// constants of other classes, as javac would put them, and without the constants that then nothing
// reads. A converter leaves the debug component out where it would be longer than 65,535 bytes
// (Java Card VM 3.0.4, 6.14), and much of it are names of constants, which no instruction mentions.
func copyWithoutConstants(to, from string) error {
	sources, err := readSources(from, "")
	if err != nil {
		return err
	}
	putNumbers(sources)
	for blankUnread(sources) {
	}
	return writeSources(to, sources)
}

// putNumbers writes the value for each constant that its class leads.
func putNumbers(sources map[string][]byte) {
	values := map[string]string{}
	for path, source := range sources {
		class := strings.TrimSuffix(filepath.Base(path), ".java")
		for _, c := range literal.FindAllSubmatch(source, -1) {
			values[class+"."+string(c[2])] = fmt.Sprintf("((%s) %s)", c[1], c[3])
		}
	}
	for path, source := range sources {
		sources[path] = qualified.ReplaceAllFunc(source, func(found []byte) []byte {
			parts := qualified.FindSubmatch(found)
			if value, ok := values[string(parts[2])]; ok {
				return append(slices.Clone(parts[1]), value...)
			}
			return found
		})
	}
}

// blankUnread empties the line of each constant whose name stands in no other place. It reports
// whether there was one: what that one read may be unread now.
func blankUnread(sources map[string][]byte) (found bool) {
	times := map[string]int{}
	for _, source := range sources {
		for _, word := range javaWord.FindAll(source, -1) {
			times[string(word)]++
		}
	}
	for path, source := range sources {
		sources[path] = constant.ReplaceAllFunc(source, func(line []byte) []byte {
			if times[string(constant.FindSubmatch(line)[1])] > 1 {
				return line
			}
			found = true
			return nil
		})
	}
	return found
}
