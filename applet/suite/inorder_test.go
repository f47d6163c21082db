package suite

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCasesHaveOneOrder: no case goes through a map but in the order of its keys.
func TestCasesHaveOneOrder(t *testing.T) {
	files, err := filepath.Glob("cases*.go")
	require.NoError(t, err)
	require.Greater(t, len(files), 10)
	var all []*ast.File
	isMap := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		all = append(all, file)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, value := range n.Values {
					isMap[n.Names[i].Name] = isMap[n.Names[i].Name] || isMapLiteral(value)
				}
			case *ast.AssignStmt:
				for i, value := range n.Rhs {
					if to, is := n.Lhs[min(i, len(n.Lhs)-1)].(*ast.Ident); is {
						isMap[to.Name] = isMap[to.Name] || isMapLiteral(value)
					}
				}
			}
			return true
		})
	}
	require.True(t, isMap["malformedSecured"])
	for n, file := range all {
		ast.Inspect(file, func(node ast.Node) bool {
			loop, is := node.(*ast.RangeStmt)
			if !is {
				return true
			}
			over, named := loop.X.(*ast.Ident)
			assert.False(t, isMapLiteral(loop.X) || named && isMap[over.Name],
				"%s: a case goes through a map: take inOrder", files[n])
			return true
		})
	}
}

func isMapLiteral(e ast.Expr) bool {
	literal, is := e.(*ast.CompositeLit)
	if !is {
		return false
	}
	_, is = literal.Type.(*ast.MapType)
	return is
}
