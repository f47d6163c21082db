package vm

import "fmt"

// Packages lists the CAP files on the card, in the order of their numbers;
// native packages are not among them.
func (v *VM) Packages() []*Package {
	var list []*Package
	for _, p := range v.packages {
		if p != nil && !p.native {
			list = append(list, p)
		}
	}
	return list
}

// PackageByAID returns a package on the card or of the API, or nil.
func (v *VM) PackageByAID(aid []byte) *Package {
	for _, p := range v.packages {
		if p != nil && string(p.aid) == string(aid) {
			return p
		}
	}
	return nil
}

// Applets lists the AIDs of the applets that the package can install.
func (p *Package) Applets() [][]byte {
	var list [][]byte
	for _, a := range p.applets {
		list = append(list, append([]byte(nil), a.aid...))
	}
	return list
}

// InstallMethod returns the install(byte[], short, byte) method of an applet,
// to be called by Call.InvokeAs.
func (v *VM) InstallMethod(p *Package, module []byte) (*Method, error) {
	for _, a := range p.applets {
		if string(a.aid) == string(module) {
			return a.install, nil
		}
	}
	return nil, fmt.Errorf("vm: package %s has no applet with AID %X", p.name, module)
}
