package parties

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/banking"
	"ekrona.example/host/notary"
	"ekrona.example/host/remote"
)

// unsaid are the errors of the packages below that no customer and no cashier reads, with why.
var unsaid = map[string]string{
	"terminal.ErrSyncFirst":   "the cause of a limit, which says more",
	"terminal.ErrTooMuch":     "the cause of a limit, which says more",
	"terminal.ErrOpenSales":   "the cause of a limit, which says more",
	"terminal.ErrPayerSum":    "the cause of a limit, which says more",
	"sandbox.ErrSeveralCards": "of the command line: name one",
	"sandbox.ErrNoCard":       "of the command line: insert one",
	"sandbox.ErrElsewhere":    "of the command line: the bank's own staff do it",
	"sandbox.ErrUnknown":      "of the command line: no such name",
	"sandbox.ErrFormat":       "of the folder",
	"sandbox.ErrFounding":     "of the folder",
	"sandbox.ErrOccupied":     "of the folder",
	"sandbox.ErrIncomplete":   "of the folder",
}

// tree is where the module's sources begin.
const tree = "../../../../.."

// sources parses the files of a folder that are not tests.
func sources(t *testing.T, folder string) []*ast.File {
	files, err := filepath.Glob(filepath.Join(tree, folder, "*.go"))
	require.NoError(t, err)
	var all []*ast.File
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		all = append(all, file)
	}
	require.NotEmpty(t, all, folder)
	return all
}

// TestEveryErrorIsSaid: what phone and terminal may answer a customer with, the table has in both
// languages, or the list above says why nobody reads it.
func TestEveryErrorIsSaid(t *testing.T) {
	said := map[string]bool{}
	for _, file := range sources(t, "host/cmd/ekrona/internal/parties") {
		ast.Inspect(file, func(n ast.Node) bool {
			row, is := n.(*ast.CompositeLit)
			if is && len(row.Elts) == 2 {
				if name, is := row.Elts[0].(*ast.SelectorExpr); is {
					said[name.X.(*ast.Ident).Name+"."+name.Sel.Name] = true
				}
			}
			return true
		})
	}
	found := map[string]bool{}
	for _, folder := range []string{"host/wallet", "host/terminal", "host/crisis", "host/session",
		"host/order", "host/sandbox", "apdu/pairing"} {
		for _, file := range sources(t, folder) {
			ast.Inspect(file, func(n ast.Node) bool {
				if of, is := n.(*ast.ValueSpec); is && strings.HasPrefix(of.Names[0].Name, "Err") {
					found[file.Name.Name+"."+of.Names[0].Name] = true
				}
				return true
			})
		}
	}
	require.Greater(t, len(found), 40)
	for name := range found {
		_, excused := unsaid[name]
		assert.NotEqual(t, said[name], excused, "%s: a row of sayings.go, or of the list",
			name)
	}
	for name := range unsaid {
		assert.True(t, found[name], "%s is no error any more", name)
	}
}

// TestEverySayingIsWhole: no row is empty, said twice or without a full stop.
func TestEverySayingIsWhole(t *testing.T) {
	seen := []error{}
	for _, row := range slices.Concat(refusals, refusalsOfPhones, cardSays) {
		assert.NotContains(t, seen, row.err)
		seen = append(seen, row.err)
		assert.NotEmpty(t, row.err.Error())
		assert.True(t, strings.HasSuffix(row.swedish, "."), row.swedish)
		assert.Equal(t, row.swedish, Swedish(row.err), "%v: a row before takes it", row.err)
	}
}

// TestEveryAnswerOfACardIsSaid: every status word, also one that the applet does not know.
func TestEveryAnswerOfACardIsSaid(t *testing.T) {
	words := []apdu.StatusWord{0x6283, 0x6FFF, 0x9FFF}
	for _, row := range spec.StatusWords {
		if row.Family != spec.FamilyOK && row.Family != spec.FamilyProgress {
			words = append(words, row.Code)
		}
	}
	for _, word := range words {
		err := &client.Refusal{Variant: spec.Pay.Only(), SW: word}
		assert.NotEmpty(t, Swedish(err), "%04X", uint16(word))
	}
}

// TestEveryRefusalOfTheBankIsSaid: the bank's, the notary's, and a bank that cannot be reached.
func TestEveryRefusalOfTheBankIsSaid(t *testing.T) {
	for _, kind := range banking.Kinds() {
		assert.NotEmpty(t, Swedish(banking.Refuse(kind, "x")), kind.Code())
	}
	for _, kind := range notary.Kinds() {
		assert.NotEmpty(t, Swedish(notary.Refuse(kind, "x")), kind.Code())
	}
	assert.Contains(t, Swedish(remote.ErrUnreachable), "nät")
	assert.NotEmpty(t, Swedish(remote.ErrFailed))
}

// TestTextsComeInBothLanguages: a field of an answer whose name ends in _sv stands beside one that
// ends in _en, in the whole program.
func TestTextsComeInBothLanguages(t *testing.T) {
	pairs := 0
	require.NoError(t, filepath.WalkDir(filepath.Join(tree, "host"),
		func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") ||
				strings.HasSuffix(path, "_test.go") {
				return err
			}
			content, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(content), "_sv") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, content, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if s, is := n.(*ast.StructType); is {
					tags := tagsOf(s)
					for _, tag := range tags {
						if base, swedish := strings.CutSuffix(tag, "_sv"); swedish {
							pairs++
							assert.Contains(t, tags, base+"_en", "%s: %s", path, tag)
						}
					}
				}
				return true
			})
			return nil
		}))
	require.Greater(t, pairs, 4)
}

func tagsOf(s *ast.StructType) (tags []string) {
	for _, field := range s.Fields.List {
		if field.Tag == nil {
			continue
		}
		text, err := strconv.Unquote(field.Tag.Value)
		if err != nil {
			continue
		}
		name, _, _ := strings.Cut(reflect.StructTag(text).Get("json"), ",")
		tags = append(tags, name)
	}
	return tags
}

// TestWhatCommandsFindIsSaid: an error that a command of phone or terminal makes itself, without
// another one in it, is said to the customer, or is one of the command line; a warning is a notice.
func TestWhatCommandsFindIsSaid(t *testing.T) {
	checked := 0
	for _, folder := range []string{"wallet", "terminal"} {
		for _, file := range sources(t, "host/cmd/ekrona/internal/"+folder) {
			said := map[ast.Node]bool{}
			ast.Inspect(file, func(n ast.Node) bool {
				call, is := n.(*ast.CallExpr)
				if !is {
					return true
				}
				switch nameOf(call) {
				case "parties.Said", "f.Notice":
					for _, argument := range call.Args {
						said[argument] = true
					}
				case "errors.New", "fmt.Errorf":
					checked++
					text := textOf(call.Args[0])
					excused := strings.Contains(text, "%w") || slices.Contains(commandLine, text)
					assert.True(t, said[call] || excused, "%s: %q", file.Name.Name, text)
				case "f.Warn":
					assert.Fail(t, "a warning without Swedish", textOf(call.Args[1]))
				}
				return true
			})
		}
	}
	require.Greater(t, checked, 5)
}

// commandLine are errors of the files that a command line names.
var commandLine = []string{
	"another file is there: name a new one",
	"no file %q: name a file, or give the text, which begins with %s",
}

func nameOf(call *ast.CallExpr) string {
	selector, is := call.Fun.(*ast.SelectorExpr)
	if !is {
		return ""
	}
	of, is := selector.X.(*ast.Ident)
	if !is {
		return ""
	}
	return of.Name + "." + selector.Sel.Name
}

// textOf returns a text that is written out, over several lines too.
func textOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.BinaryExpr:
		return textOf(e.X) + textOf(e.Y)
	}
	return ""
}
