package house

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	maxLines   = 500 // of a file
	maxColumns = 100 // of a line
	tabColumns = 4   // of a tab
)

// generated are the sources that a program writes. They can only be made shorter by a
// change of the program.
var generated = map[string]string{
	"applet/src/main/java/ekrona/Spec.java":     "constants, from apdu/spec by apdu/spec/gen",
	"applet/src/main/java/ekrona/Commands.java": "commands by instruction, likewise",
}

// formerNames are words that once stood for something that the field has a word for.
var formerNames = map[string]string{
	"glass":      "memory inspector",
	"mortal":     "killable",
	"newcomer":   "late customer",
	"rogue":      "attack",
	"shop":       "merchant",
	"shops":      "merchants",
	"stray":      "unregistered certificate",
	"teller":     "runner",
	"till":       "terminal",
	"tills":      "terminals",
	"town":       "sandbox",
	"towns":      "sandboxes",
	"twins":      "differential",
	"uncarded":   "unregistered key",
	"utterances": "sent messages",
}

// eachSource gives every Go and Java source of the module, by its path from the root on.
func eachSource(t *testing.T, do func(name string, content []byte)) {
	t.Helper()
	module := filepath.Join("..", "..")
	require.FileExists(t, filepath.Join(module, "go.mod"))
	seen := 0
	require.NoError(t, filepath.WalkDir(module,
		func(file string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && file != module && strings.HasPrefix(entry.Name(), "."):
				return filepath.SkipDir
			case entry.IsDir() || filepath.Ext(file) != ".go" && filepath.Ext(file) != ".java":
				return nil
			}
			name, err := filepath.Rel(module, file)
			if err != nil {
				return err
			}
			content, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			seen++
			do(filepath.ToSlash(name), content)
			return nil
		}))
	require.Greater(t, seen, len(generated), "there are sources to look at")
}

func TestFilesAreShort(t *testing.T) {
	eachSource(t, func(name string, content []byte) {
		if generated[name] != "" {
			return
		}
		lines := bytes.Count(content, []byte("\n"))
		assert.LessOrEqual(t, lines, maxLines, "%s: split it where its parts part", name)
	})
	for name := range generated {
		assert.FileExists(t, filepath.Join("..", "..", name), "it is on the list of the generated")
	}
}

func TestLinesAreShort(t *testing.T) {
	eachSource(t, func(name string, content []byte) {
		if generated[name] != "" {
			return
		}
		whole := unbreakable(t, name, content)
		for n, line := range strings.Split(string(content), "\n") {
			if strings.HasPrefix(line, "//go:") || whole[n+1] { // a directive is one line
				continue
			}
			width := columnsOf(line)
			assert.LessOrEqual(t, width, maxColumns, "%s:%d: wrap the line", name, n+1)
		}
	})
}

// unbreakable are the lines of a Go source that hold what no line break may be put into: a
// raw string of several lines, or a long string without a space, such as a method's
// descriptor.
func unbreakable(t *testing.T, name string, content []byte) map[int]bool {
	t.Helper()
	lines := map[int]bool{}
	if filepath.Ext(name) != ".go" {
		return lines
	}
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, name, content, parser.SkipObjectResolution)
	require.NoError(t, err)
	ast.Inspect(parsed, func(n ast.Node) bool {
		literal, is := n.(*ast.BasicLit)
		if !is || literal.Kind != token.STRING {
			return true
		}
		from, to := files.Position(literal.Pos()).Line, files.Position(literal.End()).Line
		if from < to || len(literal.Value) > maxColumns/2 && !strings.Contains(literal.Value, " ") {
			for line := from; line <= to; line++ {
				lines[line] = true
			}
		}
		return true
	})
	return lines
}

// columnsOf is the width of a line on a screen.
func columnsOf(line string) int {
	columns := 0
	for _, r := range line {
		if r == '\t' {
			columns += tabColumns - columns%tabColumns
			continue
		}
		columns++
	}
	return columns
}

func TestColumnsOf(t *testing.T) {
	for line, want := range map[string]int{"": 0, "öre": 3, "\ta": 5, "ab\tc": 5, "abcd\te": 9} {
		assert.Equal(t, want, columnsOf(line), "%q", line)
	}
}

func TestGoIsFormatted(t *testing.T) {
	eachSource(t, func(name string, content []byte) {
		if filepath.Ext(name) != ".go" {
			return
		}
		formatted, err := format.Source(content)
		if assert.NoError(t, err, "%s", name) {
			assert.True(t, bytes.Equal(formatted, content), "%s: run gofmt -w on it", name)
		}
	})
}

func TestNamesAreTheFields(t *testing.T) {
	eachSource(t, func(name string, content []byte) {
		var found []string
		for _, identifier := range identifiersOf(t, name, content) {
			for _, word := range wordsOf(identifier) {
				if plain := formerNames[word]; plain != "" {
					found = append(found, identifier+" (say "+plain+")")
				}
			}
		}
		slices.Sort(found)
		assert.Empty(t, slices.Compact(found), "%s", name)
	})
}

// javaText is what of a Java source names nothing: comments, strings and characters.
var javaText = regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'`)

var javaIdentifier = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)

// identifiersOf are the names that a source uses, in their order.
func identifiersOf(t *testing.T, name string, content []byte) (names []string) {
	if filepath.Ext(name) == ".java" {
		return javaIdentifier.FindAllString(javaText.ReplaceAllString(string(content), " "), -1)
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, content, parser.SkipObjectResolution)
	if !assert.NoError(t, err) {
		return nil
	}
	ast.Inspect(file, func(node ast.Node) bool {
		if identifier, is := node.(*ast.Ident); is {
			names = append(names, identifier.Name)
		}
		return true
	})
	return names
}

// wordsOf are the words of a name in lower case: an underscore parts them, and a capital
// behind a small letter or before one.
func wordsOf(name string) (words []string) {
	letters := []rune(name)
	begin := 0
	end := func(at int) {
		if at > begin {
			words = append(words, strings.ToLower(string(letters[begin:at])))
		}
	}
	for at, letter := range letters {
		switch {
		case letter == '_':
			end(at)
			begin = at + 1
		case at > begin && unicode.IsUpper(letter) && (!unicode.IsUpper(letters[at-1]) ||
			at+1 < len(letters) && unicode.IsLower(letters[at+1])):
			end(at)
			begin = at
		}
	}
	end(len(letters))
	return words
}

func TestWordsOf(t *testing.T) {
	for name, want := range map[string][]string{
		"":              nil,
		"shop":          {"shop"},
		"TillSetBack":   {"till", "set", "back"},
		"openPINShop":   {"open", "pin", "shop"},
		"SHOP_NAME":     {"shop", "name"},
		"_till":         {"till"},
		"workshop":      {"workshop"},
		"distillation":  {"distillation"},
		"P256Town":      {"p256", "town"},
		"MarshalBinary": {"marshal", "binary"},
	} {
		assert.Equal(t, want, wordsOf(name), "%q", name)
	}
}
