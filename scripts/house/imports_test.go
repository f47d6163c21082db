// Package house holds rules of the source tree that the compiler does not: what each
// package may import.
package house

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// root is the module's folder.
const root = "../.."

// rows are the packages of this module that each package may import itself. Tests may
// import what they like: they take the e-krona's applet for a specimen.
type rows map[string][]string

// ofAnyCard are the packages for any card, which know neither our applet nor the
// e-krona. Each package on the right has a row here too, so that nothing of the e-krona
// is reached over others either.
var ofAnyCard = rows{
	"apdu":         {},
	"apdu/atr":     {},
	"apdu/capture": {"apdu"},
	"apdu/cmac":    {},
	"apdu/conform": {"apdu", "apdu/atr", "apdu/script", "apdu/tlv"},
	"apdu/entropy": {},
	"apdu/gpc":     {"apdu", "apdu/tlv"},
	"apdu/script":  {"apdu", "apdu/gpc", "apdu/tlv"},
	"apdu/symptom": {"apdu", "apdu/gpc"},
	"apdu/tlv":     {},
	"apdu/trace":   {"apdu", "apdu/gpc", "apdu/tlv"},

	"emulator/api":           {"apdu", "apdu/entropy", "emulator/engine", "emulator/vm"},
	"emulator/api/exportgen": {},
	"emulator/cap":           {},
	"emulator/card": {
		"apdu", "apdu/atr", "emulator/api", "emulator/cap", "emulator/vm",
		"host/durable", // files that survive a crash
	},
	"emulator/engine": {"apdu/cmac", "apdu/entropy"},
	"emulator/globalplatform": {
		"apdu", "apdu/entropy", "apdu/gpc", "apdu/tlv", "emulator/api", "emulator/cap",
		"emulator/card", "emulator/vm",
		"apdu/scp03", // the card's half of the secure channel
	},
	"emulator/debugger": {"apdu", "emulator/card", "emulator/inspect", "emulator/vm"},
	"emulator/inspect":  {"emulator/cap", "emulator/lines", "emulator/vm"},
	"emulator/lines":    {"emulator/cap"},
	"emulator/vm":       {"emulator/cap"},
	"emulator/vpcd":     {},

	"host/durable":     {},
	"host/pcsc":        {"apdu"},
	"host/pcsc/daemon": {"emulator/globalplatform", "emulator/vpcd", "host/pcsc"},

	"apdu/globalplatform": {"apdu", "apdu/gpc", "apdu/tlv", "apdu/scp03"},
	"apdu/scp03":          {"apdu", "apdu/cmac", "apdu/entropy", "apdu/gpc"},
}

// What is of any card imports nothing else.
func TestPackagesOfAnyCard(t *testing.T) {
	for name, allowed := range ofAnyCard {
		for _, other := range allowed {
			assert.Contains(t, ofAnyCard, other, "%s may not import what has no row here", name)
		}
	}
	check(t, ofAnyCard)
}

// check compares what packages import with what their rows allow.
func check(t *testing.T, allowed rows) {
	t.Helper()
	imported := imports(t)
	for name, others := range allowed {
		if !assert.Contains(t, imported, name, "a row for a package that is not there") {
			continue
		}
		for other, file := range imported[name] {
			assert.True(t, slices.Contains(others, other),
				"%s: package %s may not import %s: see its row in scripts/house", file, name, other)
		}
	}
}

// imports are, for every package of the module, the packages of the module that it
// imports, each with a file that does. Files of every system and build tag count; tests
// do not.
func imports(t *testing.T) map[string]map[string]string {
	t.Helper()
	module := moduleName(t) + "/"
	found := map[string]map[string]string{}
	for name, others := range allImports(t) {
		found[name] = map[string]string{}
		for other, file := range others {
			if own, ours := strings.CutPrefix(other, module); ours {
				found[name][own] = file
			}
		}
	}
	return found
}

// allImports are imports with those of other modules and of the standard library, by
// their whole paths.
func allImports(t *testing.T) map[string]map[string]string {
	t.Helper()
	found := map[string]map[string]string{}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if file != root && (name == "testdata" || strings.HasPrefix(name, ".")) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		relative, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		from := path.Dir(filepath.ToSlash(relative))
		if found[from] == nil {
			found[from] = map[string]string{}
		}
		for _, spec := range parsed.Imports {
			full, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[from][full] = relative
		}
		return nil
	})
	require.NoError(t, err)
	return found
}

// moduleName is what go.mod calls the module.
func moduleName(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	line, _, _ := strings.Cut(string(content), "\n")
	name, found := strings.CutPrefix(line, "module ")
	require.True(t, found, "go.mod begins with %q", line)
	return strings.TrimSpace(name)
}
