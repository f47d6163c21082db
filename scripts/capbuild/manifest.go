package capbuild

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Manifest records what a CAP file was built from and with. Build alone writes it.
type Manifest struct {
	Package    Package `json:"package"`
	CAP        File    `json:"cap"`
	Components []File  `json:"components"`
	// every .java file of the package, in order of their names
	Sources  []File       `json:"sources"`
	Tools    ToolVersions `json:"tools"`
	Options  Options      `json:"options"`
	Verifier string       `json:"verifier"` // the last line of the off-card verifier
}

// File is a file or component: its name, size in bytes and SHA-256 in hex.
type File struct {
	Name   string `json:"name"` // relative to the manifest's folder, or the component's
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

// Options are the converter's.
type Options struct {
	Target string `json:"target"` // Java Card version of the platform
	Ints   bool   `json:"ints"`
	Debug  bool   `json:"debug"`
}

// ErrStale is what Manifest.Check returns: the CAP file must be built again.
var ErrStale = errors.New("run scripts/build-applet")

func describe(name string, content []byte) File {
	return File{Name: name, Size: len(content), SHA256: digest(content)}
}

func describeAll(entries []Entry) []File {
	files := make([]File, len(entries))
	for i, e := range entries {
		files[i] = describe(e.Name, e.Content)
	}
	return files
}

// ReadManifest reads the manifest of a package. root is the repository's folder.
func ReadManifest(root string, p Package) (*Manifest, error) {
	path := filepath.Join(root, filepath.FromSlash(p.ManifestFile()))
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("manifest of %s: %w; %w", p.Name, err, ErrStale)
	}
	m := &Manifest{}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(m); err != nil {
		return nil, fmt.Errorf("manifest %s: %w; %w", path, err, ErrStale)
	}
	return m, nil
}

// Check compares the manifest with the package in root: its sources, its CAP file, each
// component, and its entry in Packages. It needs no kit. All differences come back in
// one error, which is ErrStale.
func (m *Manifest) Check(root string, p Package) error {
	var differences []string
	differ := func(format string, arguments ...any) {
		differences = append(differences, fmt.Sprintf(format, arguments...))
	}
	declared, recorded := p, m.Package
	declared.Sources, declared.CAP = "", ""
	if a, b := mustJSON(declared), mustJSON(recorded); a != b {
		differ("the package is declared as %s and was built as %s", a, b)
	}
	if want := optionsOf(p); m.Options != want {
		differ("the options are %+v and it was built with %+v", want, m.Options)
	}
	if !verifierPassed(m.Verifier) {
		differ("the verifier said %q", m.Verifier)
	}
	sources, err := sourceFiles(root, p)
	if err != nil {
		return err
	}
	compareFiles(differ, "source", m.Sources, sources)

	file, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(p.CAP)))
	if err != nil {
		return fmt.Errorf("CAP file of %s: %w; %w", p.Name, err, ErrStale)
	}
	compareFiles(differ, "CAP file", []File{m.CAP}, []File{describe(filepath.Base(p.CAP), file)})
	archive, err := ReadArchive(file)
	if err != nil {
		return fmt.Errorf("%s: %w; %w", p.CAP, err, ErrStale)
	}
	compareFiles(differ, "component", m.Components, describeAll(archive.Components))
	if len(differences) > 0 {
		return fmt.Errorf("%s does not fit %s: %s; %w", p.ManifestFile(), p.Name,
			strings.Join(differences, "; "), ErrStale)
	}
	return nil
}

// CompareComponents returns an error that names the components of a fresh build that
// differ from those of the manifest; nil if none does.
func (m *Manifest) CompareComponents(fresh *Manifest) error {
	var differences []string
	compareFiles(func(format string, arguments ...any) {
		differences = append(differences, fmt.Sprintf(format, arguments...))
	}, "component", m.Components, fresh.Components)
	if len(differences) == 0 {
		return nil
	}
	return fmt.Errorf("a new build of %s differs from the committed one (%s); built then with "+
		"%+v and now with %+v",
		m.Package.Name, strings.Join(differences, "; "), m.Tools, fresh.Tools)
}

func compareFiles(differ func(string, ...any), kind string, recorded, found []File) {
	for _, f := range found {
		i := slices.IndexFunc(recorded, func(r File) bool { return r.Name == f.Name })
		switch {
		case i < 0:
			differ("%s %s is new", kind, f.Name)
		case recorded[i] != f:
			differ("%s %s has changed", kind, f.Name)
		}
	}
	for _, r := range recorded {
		if !slices.ContainsFunc(found, func(f File) bool { return f.Name == r.Name }) {
			differ("%s %s is missing", kind, r.Name)
		}
	}
}

func mustJSON(p Package) string {
	text, err := json.Marshal(p)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// sourceFiles describes the .java files of a package, named relative to the folder
// of its manifest.
func sourceFiles(root string, p Package) ([]File, error) {
	base := filepath.Join(root, filepath.FromSlash(p.CAP), "..")
	var files []File
	err := filepath.WalkDir(filepath.Join(root, filepath.FromSlash(p.Sources)),
		func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".java" {
				return err
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(base, path)
			files = append(files, describe(filepath.ToSlash(name), content))
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("sources of %s: %w", p.Name, err)
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return files, nil
}

// write puts the manifest where ReadManifest looks for it.
func (m *Manifest) write(path string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return writeFile(path, append(text, '\n'))
}
