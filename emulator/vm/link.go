package vm

import "fmt"

type constant struct{}

type image struct {
	applets []appletEntry
}

// appletEntry is one applet of the Applet component (JCVM 3.0.5 §6.5).
type appletEntry struct {
	aid     []byte
	install *Method
}

// Applets lists the AIDs of the applets that the package can install.
func (p *Package) Applets() [][]byte {
	var list [][]byte
	if p.image != nil {
		for _, a := range p.image.applets {
			list = append(list, append([]byte(nil), a.aid...))
		}
	}
	return list
}

// InstallMethod returns the install(byte[], short, byte) method of an applet,
// to be called by Call.InvokeAs.
func (v *VM) InstallMethod(p *Package, module []byte) (*Method, error) {
	if p.image != nil {
		for _, a := range p.image.applets {
			if string(a.aid) == string(module) {
				return a.install, nil
			}
		}
	}
	return nil, fmt.Errorf("vm: package %s has no applet with AID %X", p.name, module)
}

// PackageByAID returns a loaded package, or nil.
func (v *VM) PackageByAID(aid []byte) *Package { return v.byAID[string(aid)] }
