// Command exportgen writes the table of the Java Card API from a kit's export files, and
// of GlobalPlatform's API from its.
//
// It is run by hand when the table must follow another edition of the API:
//
//	go run ./emulator/api/exportgen KIT/api_export_files_3.0.5 org.globalplatform-1.6 \
//	    > emulator/api/exports.txt
//
// With -history it writes what each version of a package brought, from the export files
// of many editions: the list against which the card's tests link
// (emulator/card/testdata/published.txt).
//
// The directories are searched for files that end in .exp; the output is sorted by
// package name, so that the same files always give the same bytes. The format of
// the output is described at api.parseTable, which reads it.
package main

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
)

func main() {
	do, dirs := run, os.Args[1:]
	if len(dirs) > 0 && dirs[0] == "-history" {
		do, dirs = writeHistory, dirs[1:]
	}
	if len(dirs) == 0 {
		fmt.Fprintln(os.Stderr,
			"usage: exportgen [-history] DIRECTORY-OF-EXPORT-FILES... > exports.txt")
		os.Exit(2)
	}
	if err := do(dirs); err != nil {
		fmt.Fprintln(os.Stderr, "exportgen:", err)
		os.Exit(1)
	}
}

// run reads every export file below the directories and writes the table to standard
// output.
func run(dirs []string) error {
	var packages []exportedPackage
	for _, dir := range dirs {
		found, err := readAll(dir)
		if err != nil {
			return err
		}
		packages = append(packages, found...)
	}
	sort.Slice(packages, func(i, j int) bool { return packages[i].name < packages[j].name })
	out := bufio.NewWriter(os.Stdout)
	for _, p := range packages {
		writePackage(out, p)
	}
	return out.Flush()
}

// readAll reads every export file below dir.
func readAll(dir string) ([]exportedPackage, error) {
	var packages []exportedPackage
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".exp" {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		parsed, err := parseExportFile(content)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		packages = append(packages, parsed)
		return nil
	})
	if err == nil && len(packages) == 0 {
		err = fmt.Errorf("no export file (*.exp) below %s: name the kit's api_export_files "+
			"directory", dir)
	}
	return packages, err
}

// writePackage writes one package in the format of api.parseTable.
func writePackage(out *bufio.Writer, p exportedPackage) {
	fmt.Fprintf(out, "package %s %X %d.%d\n", p.name, p.aid, p.major, p.minor)
	for _, c := range p.classes {
		fmt.Fprintf(out, "class %d %04x %s %s", c.token, c.access, c.name, orDash(c.super))
		for _, i := range c.interfaces {
			fmt.Fprintf(out, " %s", i)
		}
		fmt.Fprintln(out)
		for _, f := range c.fields {
			if f.constant {
				fmt.Fprintf(out, "const %s %s %d\n", f.name, f.descriptor, f.value)
			} else {
				fmt.Fprintf(out, "field %d %04x %s %s\n", f.token, f.access, f.name, f.descriptor)
			}
		}
		for _, m := range c.methods {
			fmt.Fprintf(out, "method %d %04x %s %s\n", m.token, m.access, m.name, m.descriptor)
		}
	}
}

func orDash(name string) string {
	if name == "" {
		return "-"
	}
	return name
}
