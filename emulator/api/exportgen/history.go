package main

import (
	"bufio"
	"fmt"
	"os"
	"sort"
	"strings"
)

// A history lists each class and method of a package with the minor version that
// introduced it: the export files of several editions, merged.

// writeHistory reads the editions below the directories and writes their history to
// standard output, one item a line:
//
//	package NAME AID MAJOR.MINOR MAJOR.MINOR ...
//	MINOR class TOKEN NAME
//	MINOR static|virtual|interface CLASS-TOKEN TOKEN NAME DESCRIPTOR
func writeHistory(dirs []string) error {
	editions := map[string][]exportedPackage{} // by package name
	for _, dir := range dirs {
		found, err := readAll(dir)
		if err != nil {
			return err
		}
		for _, p := range found {
			editions[p.name] = append(editions[p.name], p)
		}
	}
	var names []string
	for name := range editions {
		names = append(names, name)
	}
	sort.Strings(names)
	out := bufio.NewWriter(os.Stdout)
	for _, name := range names {
		writePackageHistory(out, editions[name])
	}
	return out.Flush()
}

func writePackageHistory(out *bufio.Writer, editions []exportedPackage) {
	sort.SliceStable(editions, func(i, j int) bool { return editions[i].minor < editions[j].minor })
	var order, versions []string
	since := map[string]byte{}
	for _, p := range editions {
		if version := fmt.Sprintf("%d.%d", p.major, p.minor); len(versions) == 0 ||
			versions[len(versions)-1] != version {
			versions = append(versions, version)
		}
		for _, item := range itemsOf(p) {
			if _, known := since[item]; !known {
				since[item] = p.minor
				order = append(order, item)
			}
		}
	}
	fmt.Fprintf(out, "package %s %X %s\n", editions[0].name, editions[0].aid,
		strings.Join(versions, " "))
	for _, item := range order {
		fmt.Fprintf(out, "%d %s\n", since[item], item)
	}
}

// itemsOf lists what a CAP file can refer to in a package.
func itemsOf(p exportedPackage) []string {
	const accessStatic = 0x0008
	var items []string
	for _, c := range p.classes {
		items = append(items, fmt.Sprintf("class %d %s", c.token, c.name))
		for _, m := range c.methods {
			kind := "virtual"
			switch {
			case c.access&accessInterface != 0:
				kind = "interface"
			case m.access&accessStatic != 0 || m.name == "<init>":
				kind = "static"
			}
			items = append(items, fmt.Sprintf("%s %d %d %s %s", kind, c.token, m.token, m.name,
				m.descriptor))
		}
	}
	return items
}
