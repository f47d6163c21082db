package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// irrevocable are the acts that cannot be taken back, as messages name them.
var irrevocable = regexp.MustCompile(`wallet (lost|end|new-phone)|issue delete|` +
	`--(delete-applet|replace-keys|give-up|secure)\b|report (it|one|them) lost|` +
	`give up the|(end|delete) (it then|this|the applet)\b|remove the folder`)

// saidSo are the words by which a message says that an act is one of those.
var saidSo = regexp.MustCompile(`for good|for ever|(cannot|can't) be (undone|taken back)`)

// ownFlag begins a message about the value of a flag that its reader has given.
var ownFlag = regexp.MustCompile(`^--[a-z-]+: `)

// TestIrrevocableActsAreSaidToBe: whoever follows the advice of an error, a report or a help text
// knows before that it cannot be undone.
func TestIrrevocableActsAreSaidToBe(t *testing.T) {
	messages := 0
	eachSource(t, func(name string, content []byte) {
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, content, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			if field, is := n.(*ast.KeyValueExpr); is {
				if key, named := field.Key.(*ast.Ident); named && key.Name == "Example" {
					return false // the help text above it says so
				}
			}
			expression, is := n.(ast.Expr)
			if !is {
				return true
			}
			text, whole := joined(expression)
			if !whole {
				return true
			}
			if irrevocable.MatchString(text) && !ownFlag.MatchString(text) {
				messages++
				assert.Regexp(t, saidSo, text, files.Position(n.Pos()).String())
			}
			return false
		})
	})
	assert.NotZero(t, messages)
}

// joined returns the text of a string literal, or of several that are added.
func joined(e ast.Expr) (text string, ok bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		left, leftOK := joined(e.X)
		right, rightOK := joined(e.Y)
		return left + right, leftOK && rightOK
	}
	return "", false
}
