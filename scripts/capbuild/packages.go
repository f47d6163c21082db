package capbuild

import (
	"fmt"
	"slices"
	"strings"

	"ekrona.example/apdu/spec"
)

// Package is a Java package that becomes one CAP file. Paths are relative to the
// root of the repository, with slashes.
type Package struct {
	Name    string   `json:"name"`    // of the Java package: "probe.core"
	AID     string   `json:"aid"`     // hex, 5 to 16 bytes
	Version string   `json:"version"` // "major.minor"
	Applets []Applet `json:"applets"` // empty for a library
	Ints    bool     `json:"ints"`    // the package may use the type int
	Imports []string `json:"imports"` // names of other Packages it uses, besides the Java Card API

	// Libraries are packages of others that it uses, of which there are no sources.
	Libraries []Library `json:"libraries,omitempty"`

	// Java Card version of the platform; "" is the oldest that the kit converts for
	Target         string `json:"-"`
	GlobalPlatform bool   `json:"-"` // it uses org.globalplatform

	Sources string `json:"-"` // folder that holds the sources, also in folders below
	CAP     string `json:"-"` // the CAP file; the manifest is beside it
	Lines   bool   `json:"-"` // a table of source lines (package emulator/lines) is beside it too
}

// Library is a package that others have built: its classes and its export file.
type Library struct {
	JAR     string `json:"jar"`     // with the classes
	Exports string `json:"exports"` // folder above the package's, with javacard/NAME.exp in it
}

// Applet is an applet class and the AID that its package gives it.
type Applet struct {
	Class string `json:"class"`
	AID   string `json:"aid"`
}

// ManifestFile returns the path of the manifest, relative like the others.
func (p Package) ManifestFile() string { return p.CAP + ".manifest" }

// LinesFile returns the path of the table of source lines.
func (p Package) LinesFile() string { return p.CAP + ".lines" }

// specVersion is the version of the applet's package: that of its interface.
var specVersion = fmt.Sprintf("%d.%d", spec.Version>>8, spec.Version&0xFF)

// Packages lists all packages of the project, each after those that it imports.
func Packages() []Package {
	probe := func(number int, name string, imports []string, applet string) Package {
		aid := fmt.Sprintf("F050524F42%02X", number)
		p := Package{
			Name: "probe." + name, AID: aid, Version: "1.0", Ints: true, Imports: imports,
			Applets: []Applet{},
			Sources: "emulator/testdata/probe/" + name, CAP: "emulator/testdata/probe/" + name +
				".cap",
		}
		if applet != "" {
			p.Applets = append(p.Applets,
				Applet{Class: "probe." + name + "." + applet, AID: aid + "01"})
		}
		return p
	}
	return []Package{
		{
			Name: "ekrona", AID: fmt.Sprintf("%X", spec.PackageAID), Version: specVersion,
			Imports: []string{},
			Applets: []Applet{{Class: "ekrona.EkronaApplet",
				AID: fmt.Sprintf("%X", spec.AppletAID)}},
			Sources: "applet/src/main/java/ekrona", CAP: "applet/ekrona.cap", Lines: true,
		},
		probe(1, "lib", []string{}, ""),
		probe(2, "core", []string{"probe.lib"}, "ProbeApplet"),
		probe(3, "vault", []string{"probe.lib"}, "VaultApplet"),
		probe(4, "guest", []string{"probe.lib", "probe.vault"}, "GuestApplet"),
		newer(probe(5, "newer", []string{}, "NewerApplet")),
		managed(newer(probe(6, "managed", []string{}, "ManagedApplet"))),
		extended(newer(probe(7, "extended", []string{}, "ExtendedApplet"))),
		named(probe(8, "purse", []string{}, "PurseApplet")),
	}
}

// newer has a package converted for the newest platform that the emulator knows.
func newer(p Package) Package {
	p.Target, p.Ints = newestTarget, false
	return p
}

func extended(p Package) Package {
	p.Ints = true
	return p
}

// named has a table of source lines made.
func named(p Package) Package {
	p.Lines, p.Ints = true, false
	return p
}

func managed(p Package) Package {
	p.GlobalPlatform = true
	return p
}

// Named returns the packages with these names, in the order of Packages; all of
// them if there are no names.
func Named(names ...string) ([]Package, error) {
	all := Packages()
	if len(names) == 0 {
		return all, nil
	}
	var known []string
	for _, p := range all {
		known = append(known, p.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("no package %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	return slices.DeleteFunc(all, func(p Package) bool { return !slices.Contains(names, p.Name) }),
		nil
}

// withImports adds the packages that the given ones import, in the order of
// Packages; those of a build file come last.
func withImports(packages []Package) []Package {
	all := slices.DeleteFunc(Packages(), func(p Package) bool { // whose name a build file takes
		return slices.ContainsFunc(packages, func(q Package) bool {
			return p.Name == q.Name && p.Sources != q.Sources
		})
	})
	needed := map[string]bool{}
	for _, p := range packages {
		needed[p.Name] = true
	}
	for _, p := range slices.Backward(all) {
		if needed[p.Name] {
			for _, name := range p.Imports {
				needed[name] = true
			}
		}
	}
	needing := slices.DeleteFunc(all, func(p Package) bool { return !needed[p.Name] })
	for _, p := range packages {
		if !slices.ContainsFunc(needing, func(q Package) bool { return p.Name == q.Name }) {
			needing = append(needing, p)
		}
	}
	return needing
}
