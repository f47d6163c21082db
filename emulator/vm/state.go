package vm

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"ekrona.example/emulator/cap"
)

// The state file holds what a card without power keeps: packages, static
// fields, objects, applet instances and roots. Big-endian, everything counted:
//
//	magic "ekrona-vm" | u2 version | 32 bytes API fingerprint
//	packages | instances | roots | objects | free references
//	32 bytes SHA-256 of all that
//
// It is for one reader, Restore, of the same API tables.
const (
	stateMagic   = "ekrona-vm"
	stateVersion = 1
)

// Save returns the persistent state. It refuses while a command runs, and on a
// card that was cut or went mute and has not been reset.
func (v *VM) Save() ([]byte, error) {
	if v.fp >= 0 || v.tx.open || !v.Powered() {
		return nil, errors.New("vm: the card is not at rest; reset it before its state is saved")
	}
	for i := range v.instances {
		if v.instances[i].state == instancePending {
			return nil, errors.New(
				"vm: an installation has not ended; reset the card before its state is saved")
		}
	}
	e := &encoder{}
	e.data = append(e.data, stateMagic...)
	e.u2(stateVersion)
	e.data = append(e.data, v.fingerprint()...)
	v.savePackages(e)
	v.saveInstances(e)
	e.u4(len(v.roots))
	for _, r := range v.roots {
		e.bytes([]byte(r.name))
		e.u4(int(r.cell))
	}
	v.saveObjects(e)
	sum := sha256.Sum256(e.data)
	return append(e.data, sum[:]...), nil
}

// Restore makes a machine from what Save returned, as after a reset. The
// configuration must have the same API tables; limits may differ as long as
// the content fits.
func Restore(cfg Config, state []byte) (*VM, error) {
	v, err := New(cfg)
	if err != nil {
		return nil, err
	}
	body := len(state) - sha256.Size
	if body < len(stateMagic) || !bytes.HasPrefix(state, []byte(stateMagic)) {
		return nil, errors.New("vm: this is not the saved state of a card")
	}
	if sum := sha256.Sum256(state[:body]); !bytes.Equal(sum[:], state[body:]) {
		return nil, errors.New("vm: the saved state is cut short or altered (its checksum does " +
			"not fit); restore it from a copy")
	}
	d := &decoder{data: state[len(stateMagic):body]}
	if n := d.u2(); d.err == nil && n != stateVersion {
		return nil, fmt.Errorf("vm: the saved state has version %d, this program reads %d", n,
			stateVersion)
	}
	if print := d.take(sha256.Size); d.err == nil && !bytes.Equal(print, v.fingerprint()) {
		return nil, errors.New("vm: the saved state was made with other API classes; use the " +
			"program that wrote it, or issue the card anew")
	}
	v.restorePackages(d)
	v.restoreInstances(d)
	for n := d.count(d.u4()); n > 0 && d.err == nil; n-- {
		name := string(d.bytes())
		v.setRoot(name, Ref(d.u4()))
	}
	v.restoreObjects(d)
	if d.err == nil && len(d.data) != 0 {
		d.fail("%d bytes left over", len(d.data))
	}
	if d.err == nil {
		v.checkReferences(d)
	}
	if d.err != nil {
		return nil, fmt.Errorf("vm: the saved state is malformed: %w", d.err)
	}
	cfg.Limits = v.cfg.Limits
	if cfg.Limits.NVMBytes < v.heap.nvmBytes+v.heap.codeBytes {
		return nil, fmt.Errorf("vm: the saved state takes %d bytes, the card has %d",
			v.heap.nvmBytes+v.heap.codeBytes, cfg.Limits.NVMBytes)
	}
	if taken := v.transientTaken(); taken > cfg.Limits.RAMBytes {
		return nil, fmt.Errorf("vm: the saved state takes %d bytes of transient memory, the "+
			"card has %d", taken, cfg.Limits.RAMBytes)
	}
	return v, nil
}

// fingerprint identifies the layout of the native classes.
func (v *VM) fingerprint() []byte {
	h := sha256.New()
	for _, p := range v.packages {
		if p == nil || !p.native {
			continue
		}
		fmt.Fprintf(h, "%X %s %d.%d\n", p.aid, p.name, p.major, p.minor)
		for _, c := range p.classes {
			fmt.Fprintf(h, "%s %v\n", c.name, c.isRef)
		}
	}
	return h.Sum(nil)
}

// savePackages writes the CAP files, each after those that it imports.
func (v *VM) savePackages(e *encoder) {
	list := v.Packages()
	e.u4(len(list))
	saved := map[*Package]bool{}
	ready := func(p *Package) bool {
		for _, i := range p.imports {
			if !i.native && !saved[i] {
				return false
			}
		}
		return !saved[p]
	}
	for range list {
		for _, p := range list {
			if !ready(p) {
				continue
			}
			saved[p] = true
			e.u4(p.index)
			e.u1(int(p.context))
			e.bytes(p.file.LoadFile())
			e.bytes(v.statics[p.index].image)
			e.cells(v.statics[p.index].refs)
		}
	}
}

func (v *VM) restorePackages(d *decoder) {
	for n := d.count(d.u4()); n > 0 && d.err == nil; n-- {
		index, context := d.u4(), Context(d.u1())
		block, statics, refs := d.bytes(), d.bytes(), d.cells()
		if d.err != nil {
			return
		}
		f, err := cap.ParseLoadFile(block)
		if err != nil {
			d.err = err
			return
		}
		if context == 0 || index > maxSavedIndex || v.PackageByAID(f.Header.Package.AID) != nil ||
			len(statics) != f.Statics.ImageSize || len(refs) != f.Statics.References {
			d.fail("package %X does not fit its static fields or its place", f.Header.Package.AID)
			return
		}
		if index < len(v.packages) && v.packages[index] != nil {
			d.fail("two packages at %d", index)
			return
		}
		p, err := v.link(f, index, context)
		if err != nil {
			d.err = err
			return
		}
		v.keep(p)
		v.statics[index] = staticFields{append([]byte(nil), statics...), refs}
		v.heap.codeBytes += p.CodeBytes()
	}
}

// maxSavedIndex bounds package and instance numbers in a state file.
const maxSavedIndex = 1 << 12

func (v *VM) saveInstances(e *encoder) {
	e.u4(len(v.instances))
	for i := range v.instances {
		in := &v.instances[i]
		if i == 0 || in.state == instanceFree {
			e.u1(0)
			continue
		}
		e.u1(1)
		e.u4(in.pkg.index)
		e.bytes(in.module)
		e.u4(int(in.aid))
		e.u4(int(in.applet))
	}
}

func (v *VM) restoreInstances(d *decoder) {
	n := d.count(d.u4())
	if d.err == nil && (n < 1 || n > maxSavedIndex) {
		d.fail("%d applet instances", n)
	}
	for i := 0; i < n && d.err == nil; i++ {
		if d.u1() == 0 {
			if i > 0 {
				v.instances = append(v.instances, instance{})
			}
			continue
		}
		in := instance{state: instanceLive}
		pkg := d.u4()
		in.module = append([]byte(nil), d.bytes()...)
		in.aid, in.applet = int32(d.u4()), int32(d.u4())
		if i == 0 || pkg >= len(v.packages) || v.packages[pkg] == nil || v.packages[pkg].native {
			d.fail("applet instance %d has no package", i)
			return
		}
		in.pkg = v.packages[pkg]
		v.instances = append(v.instances, in)
	}
}

// checkReferences refuses a state in which a reference leads outside the heap.
func (v *VM) checkReferences(d *decoder) {
	v.eachReference(func(cell *int32) {
		if *cell < 0 || int(*cell) >= len(v.heap.objects) {
			d.fail("a reference to object %d of %d", *cell, len(v.heap.objects))
		}
	})
}
