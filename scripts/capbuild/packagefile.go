package capbuild

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

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
}

// ReadPackage reads a build file, one JSON object, and returns the package with the folder that
// its paths are relative to.
func ReadPackage(path string) (root string, p Package, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", p, fmt.Errorf("build file: %w", err)
	}
	f := packageFile{Sources: ".", Target: target}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		return "", p, fmt.Errorf("build file %s: %w", path, err)
	}
	root, err = filepath.Abs(filepath.Dir(path))
	if err != nil {
		return "", p, fmt.Errorf("build file %s: %w", path, err)
	}
	p = Package{Name: f.Name, AID: f.AID, Version: f.Version, Applets: f.Applets, Ints: f.Ints,
		Imports: []string{}, Target: f.Target, GlobalPlatform: f.GlobalPlatform,
		Sources: f.Sources, CAP: f.CAP, Lines: f.Lines}
	if p.Applets == nil {
		p.Applets = []Applet{}
	}
	err = p.check()
	if err == nil {
		_, err = sourceFiles(root, p)
	}
	if err != nil {
		return "", p, fmt.Errorf("build file %s: %w", path, err)
	}
	return root, p, nil
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
