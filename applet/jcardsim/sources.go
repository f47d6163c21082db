package jcardsim

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// sourceTree are Java files by their names below the folder above their packages, with slashes.
type sourceTree map[string][]byte

// add takes the Java files of a folder.
func (t sourceTree) add(folder string) error {
	found := false
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".java" {
			return err
		}
		relative, err := filepath.Rel(folder, name)
		if err != nil {
			return err
		}
		found = true
		t[filepath.ToSlash(relative)], err = os.ReadFile(name)
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("%s has no .java file", folder)
	}
	return err
}

// write puts the files below a folder.
func (t sourceTree) write(folder string) error {
	for name, content := range t {
		target := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// packages are the files by the folder of their package.
func (t sourceTree) packages() map[string][]string {
	all := map[string][]string{}
	for name := range t {
		all[path.Dir(name)] = append(all[path.Dir(name)], name)
	}
	return all
}

// neededBy are the files of the class's package and of the packages that they name, and so on: a
// folder of sources often has other applets and tests beside, which need what is not there. They
// are all of them where the class is in no folder of its package's name.
func (t sourceTree) neededBy(class string) sourceTree {
	packages := t.packages()
	own := path.Dir(strings.ReplaceAll(class, ".", "/"))
	if len(packages[own]) == 0 {
		return t
	}
	needed, taken := sourceTree{}, map[string]bool{own: true}
	for queue := []string{own}; len(queue) > 0; queue = queue[1:] {
		for _, name := range packages[queue[0]] {
			needed[name] = t[name]
			text := comment.ReplaceAllString(string(t[name]), " ")
			for _, other := range slices.Sorted(maps.Keys(packages)) {
				if !taken[other] && names(text, other, packages) {
					taken[other], queue = true, append(queue, other)
				}
			}
		}
	}
	return needed
}

var comment = regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*`)

// names reports whether a text has a name in the package of a folder: an import, or a whole name.
// What is in a package below that one is not in it.
func names(text, folder string, packages map[string][]string) bool {
	dotted := regexp.QuoteMeta(strings.ReplaceAll(folder, "/", "."))
	inside := regexp.MustCompile(`(?:^|[^\w.])` + dotted + `\s*\.\s*(\*|\w+)`)
	for _, found := range inside.FindAllStringSubmatch(text, -1) {
		below := folder + "/" + found[1]
		isPackage := false
		for other := range packages {
			isPackage = isPackage || other == below || strings.HasPrefix(other, below+"/")
		}
		if !isPackage {
			return true
		}
	}
	return false
}

// compilerError is a line of Maven's about a source file: its name, the place, and what is wrong.
var compilerError = regexp.MustCompile(`(?m)^\[ERROR\] .*?([^/\\\n]+\.java):(\[[\d,]+\] .*)$`)

// compilerErrors is the first error that Maven has of a source file, and how many more there are;
// "" if there is none.
func compilerErrors(out string) string {
	var all []string
	for _, found := range compilerError.FindAllStringSubmatch(out, -1) {
		one := found[1] + ":" + strings.TrimSpace(found[2])
		if !slices.Contains(all, one) { // Maven tells each twice
			all = append(all, one)
		}
	}
	switch len(all) {
	case 0:
		return ""
	case 1:
		return all[0]
	}
	return fmt.Sprintf("%s (and %d more)", all[0], len(all)-1)
}
