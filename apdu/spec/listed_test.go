package spec

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A command whose row is in a file of the package and not in Commands would be in no table, no
// document and no applet, and nothing would say so.
func TestEveryCommandIsListed(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	made, listed := map[string]string{}, map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			v, is := n.(*ast.ValueSpec)
			if !is || len(v.Values) != len(v.Names) {
				return true
			}
			for i, value := range v.Values {
				if call, is := value.(*ast.CallExpr); is {
					if f, is := call.Fun.(*ast.Ident); is && f.Name == "command" {
						made[v.Names[i].Name] = name
					}
				}
				if list, is := value.(*ast.CompositeLit); is && v.Names[i].Name == "Commands" {
					for _, e := range list.Elts {
						if id, is := e.(*ast.Ident); is {
							listed[id.Name] = true
						}
					}
				}
			}
			return true
		})
	}
	assert.Len(t, Commands, len(listed))
	assert.NotEmpty(t, made)
	for command, file := range made {
		assert.True(t, listed[command],
			"%s in %s is not in the list Commands (command.go): add it there, in its place of the "+
				"reference, then go generate ./apdu/spec", command, file)
	}
}

// A constant without a row in its table would be in no document and not in the applet, and nothing
// would say so.
func TestEveryConstantHasItsRow(t *testing.T) {
	for _, table := range []struct {
		file, constants, name string
		rows                  int
	}{
		{"limits.go", "", "Limits", len(Limits)},
		{"tag.go", "Tag", "Tags", len(Tags)},
		{"status.go", "SW", "StatusWords", len(StatusWords)},
		{"roles.go", "Role", "Roles", len(Roles)},
	} {
		file, err := parser.ParseFile(token.NewFileSet(), table.file, nil, 0)
		require.NoError(t, err)
		var constants []string
		inRows := map[string]bool{}
		for _, d := range file.Decls {
			group, is := d.(*ast.GenDecl)
			if !is {
				continue
			}
			for _, s := range group.Specs {
				v, is := s.(*ast.ValueSpec)
				switch {
				case !is:
				case group.Tok == token.CONST:
					for _, n := range v.Names {
						if n.IsExported() && strings.HasPrefix(n.Name, table.constants) {
							constants = append(constants, n.Name)
						}
					}
				case v.Names[0].Name == table.name:
					ast.Inspect(v, func(n ast.Node) bool {
						if id, is := n.(*ast.Ident); is {
							inRows[id.Name] = true
						}
						return true
					})
				}
			}
		}
		assert.Len(t, constants, table.rows, "%s and the rows of %s", table.file, table.name)
		for _, name := range constants {
			assert.True(t, inRows[name], "%s in %s has no row in %s: add it there, then "+
				"go generate ./apdu/spec", name, table.file, table.name)
		}
	}
}
