package capbuild

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"ekrona.example/apdu/gpc"
)

// packageFile is the build file of an applet of one's own. Paths in it are relative to the file.
type packageFile struct {
	Name           string   `json:"name"`    // of the Java package
	AID            string   `json:"aid"`     // of the package, in hex
	Version        string   `json:"version"` // "major.minor"
	Applets        []Applet `json:"applets"`
	Target         string   `json:"target"`         // Java Card version of the platform; 3.0.4
	Ints           bool     `json:"ints"`           // the package may use the type int
	GlobalPlatform bool     `json:"globalplatform"` // it uses org.globalplatform
	Sources        string   `json:"sources"`        // folder above the package's
	CAP            string   `json:"cap"`            // what is written
	Lines          bool     `json:"lines"`          // with a table of source lines beside it
	Imports        []string `json:"imports"`        // build files of the packages that it uses

	Libraries []Library `json:"libraries"` // packages that it uses and that are built already
}

// ReadPackage reads a build file, one JSON object, and those of what it imports. It returns the
// packages, each after those that it imports, its own last, with the folder that their paths are
// relative to, which is that of the file.
func ReadPackage(path string) (root string, all []Package, err error) {
	root, err = filepath.Abs(filepath.Dir(path))
	if err != nil {
		return "", nil, fmt.Errorf("build file %s: %w", path, err)
	}
	r := packageReader{root: root, read: map[string]string{}}
	if _, err := r.add(filepath.Join(root, filepath.Base(path))); err != nil {
		return "", nil, err
	}
	return root, r.all, nil
}

// packageReader reads build files that import each other.
type packageReader struct {
	root string
	all  []Package
	read map[string]string // names of packages by the path of their build file; "": not done yet
}

// add reads a build file after those that it imports, if it is not read yet, and returns the name
// of its package.
func (r *packageReader) add(path string) (string, error) {
	name, known := r.read[path]
	switch {
	case known && name == "":
		return "", fmt.Errorf("build file %s: it imports itself, by way of its own imports", path)
	case known:
		return name, nil
	}
	r.read[path] = ""
	f, err := readPackageFile(path)
	if err != nil {
		return "", err
	}
	imports := make([]string, len(f.Imports))
	for i, other := range f.Imports {
		imports[i], err = r.add(besides(path, other))
		if err != nil {
			return "", fmt.Errorf("build file %s: imports: %w", path, err)
		}
	}
	p, err := r.packageOf(f, path, imports)
	if err != nil {
		return "", fmt.Errorf("build file %s: %w", path, err)
	}
	r.read[path] = p.Name
	r.all = append(r.all, p)
	return p.Name, nil
}

// besides is the path of what a build file names.
func besides(path, name string) string {
	name = filepath.FromSlash(name)
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(filepath.Dir(path), name)
}

func readPackageFile(path string) (packageFile, error) {
	f := packageFile{Sources: ".", Target: target}
	text, err := os.ReadFile(path)
	if err != nil {
		return f, fmt.Errorf("build file: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		return f, fmt.Errorf("build file %s: %w", path, err)
	}
	return f, nil
}

func (r *packageReader) packageOf(
	f packageFile, path string, imports []string,
) (p Package, err error) {
	p = Package{Name: f.Name, AID: f.AID, Version: f.Version, Applets: f.Applets, Ints: f.Ints,
		Imports: imports, Target: f.Target, GlobalPlatform: f.GlobalPlatform,
		Sources: f.Sources, CAP: f.CAP, Lines: f.Lines, Libraries: f.Libraries}
	if p.Applets == nil {
		p.Applets = []Applet{}
	}
	if err := p.check(); err != nil {
		return p, err
	}
	if slices.ContainsFunc(r.all, func(q Package) bool { return q.Name == p.Name }) {
		return p, fmt.Errorf("it imports another package of its own name, %s", p.Name)
	}
	paths := []*string{&p.Sources, &p.CAP}
	for i := range p.Libraries {
		paths = append(paths, &p.Libraries[i].JAR, &p.Libraries[i].Exports)
	}
	for _, name := range paths {
		relative, err := filepath.Rel(r.root, besides(path, *name))
		if err != nil {
			return p, err
		}
		*name = filepath.ToSlash(relative)
	}
	for _, l := range p.Libraries {
		if _, err := l.exportFiles(r.root); err != nil {
			return p, err
		}
	}
	_, err = sourceFiles(r.root, p)
	return p, err
}

// exportFiles are those of a library, of which there must be some, and its classes too.
func (l Library) exportFiles(root string) (files []string, err error) {
	for what, path := range map[string]string{"jar": l.JAR, "exports": l.Exports} {
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(path))); err != nil {
			return nil, fmt.Errorf("libraries: %s: %w", what, err)
		}
	}
	folder := filepath.Join(root, filepath.FromSlash(l.Exports))
	err = filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".exp" {
			files = append(files, path)
		}
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("libraries: exports: there is no file NAME.exp in %s, nor below", folder)
	}
	return files, err
}

func (p Package) check() error {
	for what, value := range map[string]string{"name": p.Name, "version": p.Version, "cap": p.CAP} {
		if value == "" {
			return fmt.Errorf("%q is missing", what)
		}
	}
	aids := []string{p.AID}
	for _, a := range p.Applets {
		if a.Class == "" {
			return fmt.Errorf(`an applet has no "class"`)
		}
		aids = append(aids, a.AID)
	}
	for _, aid := range aids {
		b, err := hex.DecodeString(aid)
		if err != nil || len(b) < gpc.MinAIDLength || len(b) > gpc.MaxAIDLength {
			return fmt.Errorf("%q is no AID: give %d to %d bytes in hex", aid, gpc.MinAIDLength,
				gpc.MaxAIDLength)
		}
	}
	return nil
}
