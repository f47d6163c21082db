package card_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
)

// published is a package as its export files describe it, of every version
// (testdata/published.txt, written by emulator/api/exportgen -history from the kits for
// Java Card 2.1.1, 2.2.1, 2.2.2, 3.0.1, 3.0.4 and 3.0.5 and GlobalPlatform's API 1.0 to 1.6).
type published struct {
	name     string
	aid      []byte
	versions []byte // minor
	items    []item
}

type item struct {
	since  byte
	kind   string // class, static, virtual or interface
	class  byte
	token  byte
	called string
}

func readPublished(t *testing.T) []published {
	t.Helper()
	content, err := os.ReadFile("testdata/published.txt")
	require.NoError(t, err)
	var list []published
	number := func(text string) byte {
		n, err := strconv.ParseUint(text, 10, 8)
		require.NoError(t, err, text)
		return byte(n)
	}
	names := map[byte]string{}
	for line := range strings.Lines(string(content)) {
		words := strings.Fields(line)
		if words[0] == "package" {
			aid, err := hex.DecodeString(words[2])
			require.NoError(t, err)
			p := published{name: words[1], aid: aid}
			for _, version := range words[3:] {
				major, minor, _ := strings.Cut(version, ".")
				require.Equal(t, "1", major)
				p.versions = append(p.versions, number(minor))
			}
			list, names = append(list, p), map[byte]string{}
			continue
		}
		p := &list[len(list)-1]
		i := item{since: number(words[0]), kind: words[1], class: number(words[2])}
		if i.kind == "class" {
			names[i.class], i.called = words[3], words[3]
		} else {
			i.token, i.called = number(words[3]), names[i.class]+"."+words[4]+words[5]
		}
		p.items = append(p.items, i)
	}
	return list
}

// importer is a CAP file without code that imports java.lang and a package in a version,
// and refers to items of it (JCVM 3.0.5 §6).
func importer(p published, minor byte, items []item) []byte {
	u2 := func(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }
	imports := []byte{2, 0, 1, 7, 0xA0, 0, 0, 0, 0x62, 0, 1}
	imports = append(append(imports, minor, 1, byte(len(p.aid))), p.aid...)
	const external = 0x81 // the second import
	pool, count := []byte{1, 0x80, 0, 0}, 1
	for _, i := range items {
		switch i.kind {
		case "class", "interface":
			pool = append(pool, 1, external, i.class, 0)
		case "static":
			pool = append(pool, 6, external, i.class, i.token)
		case "virtual":
			pool = append(pool, 3, external, i.class, i.token)
		}
		count++
	}
	own := []byte{0xF0, 9, 9, 9, 9}
	contents := map[byte][]byte{
		1:  append([]byte{0xDE, 0xCA, 0xFF, 0xED, 1, 2, 0, 0, 1, byte(len(own))}, own...),
		4:  imports,
		5:  append(u2(count), pool...),
		6:  {},
		7:  {0},
		8:  make([]byte, 10),
		9:  make([]byte, 4),
		10: nil,
	}
	var directory, block []byte
	for tag := byte(1); tag <= 11; tag++ {
		if tag == 2 {
			directory = append(directory, u2(31)...)
			continue
		}
		directory = append(directory, u2(len(contents[tag]))...)
	}
	contents[2] = append(directory, 0, 0, 0, 0, 0, 0, 2, 0, 0)
	for tag := byte(1); tag <= 10; tag++ {
		if content, ok := contents[tag]; ok && content != nil {
			block = append(append(append(block, tag), u2(len(content))...), content...)
		}
	}
	return block
}

// withoutFunctions are the classes that link by name alone: remote method invocation.
func withoutFunctions(i item) bool {
	return i.kind != "class" && (strings.Contains(i.called, "/RMIService.") ||
		strings.Contains(i.called, "/CardRemoteObject."))
}

// Everything in the published export files links, by the version that brought it, save
// for the packages that a profile's product does not have and versions newer than its.
func TestEverythingPublishedLinks(t *testing.T) {
	absent := []string{ // on a P71, by JCAIDScan
		"java/rmi", "javacard/framework/service", "javacardx/apdu/util", "javacardx/framework/math",
		"javacardx/framework/string",
		"javacardx/framework/tlv", "javacardx/framework/util", "javacardx/framework/util/intx",
		"javacardx/security",
	}
	for _, profile := range []card.Profile{card.P71, card.Unlimited} {
		linked, refused := 0, 0
		for _, p := range readPublished(t) {
			for minor := range p.versions[len(p.versions)-1] + 2 {
				var items []item
				for _, i := range p.items {
					if i.since <= minor && !withoutFunctions(i) {
						items = append(items, i)
					}
				}
				c, err := card.New(card.Options{Profile: profile})
				require.NoError(t, err)
				_, err = c.LoadBlock(importer(p, minor, items))
				what := fmt.Sprintf("%s %s 1.%d", profile.Name, p.name, minor)
				switch {
				case profile.Name != "unlimited" && slices.Contains(absent, p.name):
					assert.ErrorIs(t, err, card.ErrRefused, what)
					assert.ErrorContains(t, err, "a P71 lacks it", what)
					refused++
				case minor > p.versions[len(p.versions)-1]:
					assert.ErrorIs(t, err, card.ErrRefused, what)
					assert.ErrorContains(t, err, "the card has 1.", what)
					refused++
				default:
					assert.NoError(t, err, what)
					linked += len(items)
				}
			}
		}
		assert.Positive(t, linked)
		assert.Positive(t, refused)
	}
	for _, p := range readPublished(t) {
		for _, i := range p.items {
			if withoutFunctions(i) && i.kind == "static" {
				c, err := card.New(card.Options{Profile: card.Unlimited})
				require.NoError(t, err)
				_, err = c.LoadBlock(importer(p, 0, []item{i}))
				assert.ErrorContains(t, err, "does not implement", i.called)
			}
		}
	}
}
