package house

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// room is a row of the table of rooms in apdu/ARCHITECTURE.md.
type room struct {
	name     string
	packages []string // an end of /... stands for all below as well
	imports  []string // rooms
}

// readRooms reads the map's table of rooms.
func readRooms(t *testing.T) (rooms []room) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "apdu", "ARCHITECTURE.md"))
	require.NoError(t, err)
	_, table, found := strings.Cut(string(page),
		"| room | packages | subject | may import |\n|---|---|---|---|\n")
	require.True(t, found, "the table of rooms")
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 6 {
			break
		}
		r := room{name: strings.TrimSpace(cells[1]), packages: list(cells[2]),
			imports: list(cells[4])}
		if slices.Equal(r.imports, []string{"every room above"}) {
			r.imports = nil
			for _, above := range rooms {
				r.imports = append(r.imports, above.name)
			}
		}
		rooms = append(rooms, r)
	}
	require.Greater(t, len(rooms), 5)
	return rooms
}

func list(cell string) (items []string) {
	for item := range strings.SplitSeq(cell, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// match is the length of the longest entry of the room that stands for a package; 0 for
// none.
func (r room) match(name string) (longest int) {
	for _, p := range r.packages {
		folder, all := strings.CutSuffix(p, "/...")
		if p == name || all && (name == folder || strings.HasPrefix(name, folder+"/")) {
			longest = max(longest, len(folder))
		}
	}
	return longest
}

// roomOf is the room of a package; nil for none.
func roomOf(t *testing.T, rooms []room, name string) (found *room) {
	t.Helper()
	longest := 0
	for i := range rooms {
		n := rooms[i].match(name)
		require.False(t, n > 0 && n == longest, "%s is in two rooms of the map", name)
		if n > longest {
			found, longest = &rooms[i], n
		}
	}
	return found
}

// Every package is in one room of the map, and imports what its room may.
func TestRooms(t *testing.T) {
	rooms := readRooms(t)
	names := make([]string, 0, len(rooms))
	for _, r := range rooms {
		names = append(names, r.name)
	}
	imported := imports(t)
	for name, others := range imported {
		r := roomOf(t, rooms, name)
		if !assert.NotNil(t, r, "package %s is in no room of apdu/ARCHITECTURE.md", name) {
			continue
		}
		for other, file := range others {
			of := roomOf(t, rooms, other)
			if !assert.NotNil(t, of, "%s imports %s, which is in no room", file, other) {
				continue
			}
			assert.True(t, of == r || slices.Contains(r.imports, of.name),
				"%s: %s (%s) may not import %s (%s): see apdu/ARCHITECTURE.md", file, name, r.name,
				other, of.name)
		}
	}
	for _, r := range rooms {
		for _, p := range r.packages {
			assert.True(t, hasAny(imported, room{packages: []string{p}}), "%s: no package %s",
				r.name, p)
		}
		for _, other := range r.imports {
			assert.Contains(t, names, other, "%s may import a room that is not there", r.name)
		}
	}
}

func hasAny(imported map[string]map[string]string, r room) bool {
	for name := range imported {
		if r.match(name) > 0 {
			return true
		}
	}
	return false
}

// upward are the arrows that run against the order of the folders, each with its reason
// in the map.
var upward = map[string][]string{
	"applet":   {"host/page"},
	"emulator": {"host/durable"},
	"personalization": {"host/banking", "host/clock", "host/durable", "host/lockfile",
		"host/page", "host/progress", "host/store"},
}

// The folders of the top level have one order; each imports those before it, but for
// upward.
func TestFoldersImportDownward(t *testing.T) {
	order := []string{"apdu", "emulator", "applet", "personalization", "host", "scripts"}
	top := func(name string) string { return strings.SplitN(name, "/", 2)[0] }
	used := map[string]bool{}
	for name, others := range imports(t) {
		if strings.HasSuffix(name, "test") { // what tests share may use the sandbox
			continue
		}
		for other, file := range others {
			if slices.Index(order, top(other)) <= slices.Index(order, top(name)) {
				continue
			}
			used[top(name)+" "+other] = true
			assert.Contains(t, upward[top(name)], other, "%s: %s imports %s, upward", file, name,
				other)
		}
	}
	for from, others := range upward {
		for _, other := range others {
			assert.True(t, used[from+" "+other], "%s no longer imports %s: take it out", from,
				other)
		}
	}
}

// openers are the packages of the standard library that open something.
var openers = []string{"database/sql", "net", "net/http", "os", "os/exec", "syscall"}

// A contract opens nothing.
func TestContractsOpenNothing(t *testing.T) {
	rooms, seen := readRooms(t), 0
	for name, files := range allImports(t) {
		if r := roomOf(t, rooms, name); r == nil || r.name != "contracts" {
			continue
		}
		seen++
		for other, file := range files {
			assert.NotContains(t, openers, other, "%s: a contract opens nothing", file)
		}
	}
	assert.Greater(t, seen, 1)
}
