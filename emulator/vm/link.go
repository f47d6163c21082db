package vm

import (
	"fmt"

	"ekrona.example/emulator/cap"
)

// constant is a resolved constant pool entry: what the instruction needs, with
// nothing left to look up.
type constant struct {
	kind  cap.ConstantKind
	class *Class // the class itself, or the one that a field or method belongs to
	// cell of an instance field, offset of a static field, index in a method table
	slot           int
	packageVisible bool     // slot is in pvtable
	home           *Package // of a static field
	method         *Method  // that is called, or whose arguments a virtual call has
}

// appletEntry is one applet of the Applet component (JCVM 3.0.5 §6.6).
type appletEntry struct {
	aid     []byte
	install *Method
}

// installDescriptor is that of Applet.install.
const installDescriptor = "([BSB)V"

// link resolves a CAP file against the packages that are loaded, for a place among them and
// a context. It changes nothing in the machine.
func (v *VM) link(f *cap.File, index int, context Context) (*Package, error) {
	p := &Package{
		index: index, context: context, name: packageName(f), aid: f.Header.Package.AID,
		major: byte(f.Header.Package.Major), minor: byte(f.Header.Package.Minor),
		byToken: map[byte]*Class{}, methods: map[int]*Method{}, file: f,
	}
	l := &linker{vm: v, pkg: p, file: f, classes: map[int]*Class{}}
	if err := l.resolveImports(); err != nil {
		return nil, fmt.Errorf("package %s does not link: %w", p.name, err)
	}
	key := imageKey(p)
	if shared := sharedImage(key); shared != nil {
		return shared, nil
	}
	for _, step := range []func() error{
		l.linkClasses, l.linkExports, l.linkConstants, l.linkApplets, l.nameMethods, l.checkCode,
	} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("package %s does not link: %w", p.name, err)
		}
	}
	return shareImage(key, p), nil
}

func packageName(f *cap.File) string {
	switch {
	case f.Header.Name != "":
		return f.Header.Name
	case f.Debug != nil && f.Debug.Package != "":
		return f.Debug.Package
	}
	return fmt.Sprintf("%X", f.Header.Package.AID)
}

type linker struct {
	vm      *VM
	pkg     *Package
	file    *cap.File
	classes map[int]*Class // by offset in the Class component
}

// resolveImports finds every imported package: same major version and at least
// the minor version asked for (JCVM 3.0.5 §4.5.2).
func (l *linker) resolveImports() error {
	for _, want := range l.file.Imports {
		have := l.vm.PackageByAID(want.AID)
		if have == nil {
			return fmt.Errorf("it imports package %X, which is not on the card; load that first",
				want.AID)
		}
		if have.absent != "" {
			return fmt.Errorf("it imports package %s, which the card does not have: %s", have.name,
				have.absent)
		}
		if int(have.major) != want.Major || int(have.minor) < want.Minor {
			return fmt.Errorf("it imports package %s version %d.%d, the card has %d.%d",
				have.name, want.Major, want.Minor, have.major, have.minor)
		}
		l.pkg.imports = append(l.pkg.imports, have)
	}
	return nil
}

func (l *linker) class(ref cap.ClassRef) (*Class, error) {
	if !ref.External {
		if c := l.classes[ref.Offset]; c != nil {
			return c, nil
		}
		return nil, fmt.Errorf("no class at %d", ref.Offset)
	}
	p := l.pkg.imports[ref.Package]
	if c := p.byToken[byte(ref.Token)]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("it imports class %d of package %s, which the card lacks", ref.Token,
		p.name)
}

func (l *linker) linkClasses() error {
	for i, src := range l.file.Classes.List {
		c := &Class{name: l.className(i, src), pkg: l.pkg, isIface: src.Interface,
			shareable: src.Shareable, reasonSlot: -1, statics: map[byte]*Method{}}
		var err error
		if src.Interface {
			err = l.linkInterface(c, src)
		} else {
			err = l.linkClass(c, src)
		}
		if err != nil {
			return fmt.Errorf("class %s: %w", c.name, err)
		}
		l.classes[src.Offset] = c
		l.pkg.classes = append(l.pkg.classes, c)
	}
	return nil
}

func (l *linker) className(i int, src *cap.Class) string {
	if l.file.Debug != nil {
		for _, d := range l.file.Debug.Classes {
			if d.Offset == src.Offset {
				return d.Name
			}
		}
	}
	return fmt.Sprintf("%s/class%d", l.pkg.name, i)
}

func (l *linker) linkInterface(c *Class, src *cap.Class) error {
	c.abstract = true
	for _, ref := range src.Superinterfaces {
		s, err := l.class(ref)
		if err != nil {
			return err
		}
		if !s.isIface {
			return fmt.Errorf("%s is no interface", s.name)
		}
		c.supers = append(c.supers, s)
		c.supers = append(c.supers, s.supers...)
	}
	return nil
}

func (l *linker) linkClass(c *Class, src *cap.Class) error {
	if !src.HasSuper {
		return fmt.Errorf("has no superclass; only java.lang.Object may")
	}
	s, err := l.class(src.Super)
	if err != nil {
		return err
	}
	if s.isIface {
		return fmt.Errorf("superclass %s is an interface", s.name)
	}
	c.super, c.base, c.reasonSlot = s, s.cells, s.reasonSlot
	c.cells = s.cells + src.InstanceSize
	c.isRef = append(append(c.isRef, s.isRef...), make([]bool, src.InstanceSize)...)
	c.refSlots = append(c.refSlots, s.refSlots...)
	for i := 0; i < src.ReferenceCount; i++ {
		slot := c.base + src.FirstReference + i
		c.isRef[slot] = true
		c.refSlots = append(c.refSlots, slot)
	}
	if c.vtable, err = l.table(c, s.vtable, src.PublicBase, src.Public); err != nil {
		return err
	}
	var inherited []*Method
	if s.pkg == l.pkg {
		inherited = s.pvtable
	}
	if c.pvtable, err = l.table(c, inherited, src.PackageBase, src.Package); err != nil {
		return err
	}
	for _, i := range src.Implementations {
		iface, err := l.class(i.Interface)
		if err != nil {
			return err
		}
		if !iface.isIface {
			return fmt.Errorf("%s is no interface", iface.name)
		}
		if iface.pkg.native && len(i.Methods) < len(iface.declared) {
			return fmt.Errorf("implements %d of %d methods of %s", len(i.Methods),
				len(iface.declared), iface.name)
		}
		for token, slot := range i.Methods {
			if slot >= len(c.vtable) || c.vtable[slot] == nil {
				return fmt.Errorf("method %d of interface %s is at %d, where the class has none",
					token, iface.name, slot)
			}
		}
		c.itable = append(c.itable, implementation{iface, i.Methods})
	}
	return nil
}

// table makes a method table: the inherited one with the methods of this class
// from base on (JCVM 3.0.5 §6.9).
func (l *linker) table(c *Class, inherited []*Method, base int, offsets []int) ([]*Method, error) {
	t := append([]*Method(nil), inherited...)
	for i, off := range offsets {
		at := base + i
		for at >= len(t) {
			t = append(t, nil)
		}
		if off == cap.NoMethod {
			if t[at] == nil {
				return nil, fmt.Errorf("inherits method %d, which its superclass does not have", at)
			}
			continue
		}
		m, err := l.method(off)
		if err != nil {
			return nil, err
		}
		if m.class == nil {
			m.class = c
		}
		if m.args == 0 {
			return nil, fmt.Errorf("method %d has no receiver", at)
		}
		if t[at] != nil && t[at].args != m.args {
			return nil, fmt.Errorf("method %d takes %d cells, the one that it overrides %d", at,
				m.args, t[at].args)
		}
		t[at] = m
	}
	return t, nil
}

// method returns the method whose header is at an offset.
func (l *linker) method(off int) (*Method, error) {
	if m := l.pkg.methods[off]; m != nil {
		return m, nil
	}
	h, ok := l.file.Methods.HeaderAt(off)
	if !ok {
		return nil, fmt.Errorf("no method header at %d of the Method component", off)
	}
	m := &Method{pkg: l.pkg, token: -1, abstract: h.Abstract, args: h.Args, maxStack: h.MaxStack,
		maxLocals: h.MaxLocals, start: h.Code}
	l.pkg.methods[off] = m
	return m, nil
}

func (l *linker) linkExports() error {
	for token, e := range l.file.Exports {
		c := l.classes[e.ClassOffset]
		if c == nil {
			return fmt.Errorf("exports a class at %d, where none is", e.ClassOffset)
		}
		l.pkg.byToken[byte(token)] = c
		c.fields = e.StaticFields
		for i, off := range e.StaticMethods {
			m, err := l.method(off)
			if err != nil {
				return err
			}
			if m.class == nil {
				m.class = c
			}
			c.statics[byte(i)] = m
		}
	}
	return nil
}

// linkApplets finds the install methods.
func (l *linker) linkApplets() error {
	for _, a := range l.file.Applets {
		m, err := l.method(a.InstallOffset)
		if err != nil {
			return err
		}
		args := m.args
		m.isStatic = true
		if err := m.describe(installDescriptor); err != nil {
			return err
		}
		if m.args != args {
			return fmt.Errorf("the install method of applet %X takes %d cells, must take %d", a.AID,
				args, m.args)
		}
		l.pkg.applets = append(l.pkg.applets, appletEntry{a.AID, m})
	}
	return nil
}

// nameMethods gives methods the names of the Debug component.
func (l *linker) nameMethods() error {
	if l.file.Debug == nil {
		return nil
	}
	for _, c := range l.file.Debug.Classes {
		for _, d := range c.Methods {
			if m := l.pkg.methods[d.Offset]; m != nil {
				m.name, m.source, m.lines = d.Name, c.Source, d.Lines
				if m.class == nil {
					m.class = l.classes[c.Offset]
				}
			}
		}
	}
	return nil
}
