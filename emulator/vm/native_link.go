package vm

import "fmt"

// API is the linked packages of an API with their natives. Machines share it: it does not
// change.
type API struct {
	packages  []*Package
	byName    map[string]*Class
	natives   map[string]Native // while it is linked
	throwable *Class            // java.lang.Throwable
}

// LinkAPI turns the API tables, and the Go functions by "class.methodDescriptor", into
// linked classes: superclasses before subclasses, whatever the order of the tables.
func LinkAPI(tables []NativePackage, natives map[string]Native) (*API, error) {
	a := &API{byName: map[string]*Class{}, natives: natives}
	if err := a.link(tables); err != nil {
		return nil, err
	}
	a.natives = nil
	return a, nil
}

func (a *API) link(tables []NativePackage) error {
	type source struct {
		class *Class
		table *NativeClass
	}
	var all []source
	byAID := map[string]bool{}
	for i := range tables {
		t := &tables[i]
		p := &Package{
			index: len(a.packages), name: t.Name, aid: t.AID, major: t.Major, minor: t.Minor,
			native: true, absent: t.Absent, byToken: map[byte]*Class{},
		}
		if byAID[string(t.AID)] {
			return fmt.Errorf("vm: two native packages have the AID %X", t.AID)
		}
		byAID[string(t.AID)] = true
		a.packages = append(a.packages, p)
		for j := range t.Classes {
			n := &t.Classes[j]
			c := &Class{
				name: n.Name, pkg: p, isIface: n.Interface, shareable: n.Shareable,
				abstract: n.Abstract || n.Interface, reasonSlot: -1, statics: map[byte]*Method{},
			}
			if a.byName[n.Name] != nil {
				return fmt.Errorf("vm: native class %s is described twice", n.Name)
			}
			a.byName[n.Name] = c
			p.classes = append(p.classes, c)
			if n.Token != NoToken {
				if p.byToken[n.Token] != nil {
					return fmt.Errorf("vm: native classes %s and %s have the same token",
						p.byToken[n.Token].name, n.Name)
				}
				p.byToken[n.Token] = c
			}
			all = append(all, source{c, n})
		}
	}
	done := map[*Class]bool{}
	for len(done) < len(all) {
		progress := false
		for _, s := range all {
			if done[s.class] || !a.ready(s.table, done) {
				continue
			}
			if err := a.linkNativeClass(s.class, s.table); err != nil {
				return fmt.Errorf("vm: native class %s: %w", s.class.name, err)
			}
			done[s.class], progress = true, true
		}
		if !progress {
			for _, s := range all {
				if !done[s.class] {
					return fmt.Errorf("vm: native class %s has a superclass or interface that is "+
						"missing or circular", s.class.name)
				}
			}
		}
	}
	for _, name := range []string{
		classObject, classThrowable, classNullPointer, classArithmetic, classArrayIndex,
		classArrayStore,
		classClassCast, classNegativeArray, classSecurity, classSystemException, classTransaction,
	} {
		if a.byName[name] == nil {
			return fmt.Errorf("vm: the API tables lack %s, which the machine throws", name)
		}
	}
	a.throwable = a.byName[classThrowable]
	return nil
}

func (a *API) ready(n *NativeClass, done map[*Class]bool) bool {
	if n.Super != "" && !done[a.byName[n.Super]] {
		return false
	}
	for _, i := range n.Interfaces {
		if !done[a.byName[i]] {
			return false
		}
	}
	return true
}

func (a *API) linkNativeClass(c *Class, n *NativeClass) error {
	if n.Super != "" {
		s := a.byName[n.Super]
		c.super = s
		c.cells, c.base, c.reasonSlot = s.cells, s.cells, s.reasonSlot
		c.refSlots = append(c.refSlots, s.refSlots...)
		c.isRef = append(c.isRef, s.isRef...)
		c.vtable = append(c.vtable, s.vtable...)
	}
	for _, f := range n.Fields {
		c.isRef = append(c.isRef, f.Ref)
		c.hidden = append(c.hidden, f.Name)
		if f.Ref {
			c.refSlots = append(c.refSlots, c.cells)
		}
		if f.Name == reasonField && (c.name == classCardException || c.name == classCardRuntime) {
			c.reasonSlot = c.cells
		}
		c.cells++
	}
	for i := range n.Methods {
		if err := a.linkNativeMethod(c, &n.Methods[i]); err != nil {
			return err
		}
	}
	for _, name := range n.Interfaces {
		c.implement(a.byName[name])
	}
	return nil
}

func (a *API) linkNativeMethod(c *Class, n *NativeMethod) error {
	m := &Method{pkg: c.pkg, class: c, name: n.Name, isStatic: n.Static, abstract: n.Abstract,
		token: int(n.Token)}
	if err := m.describe(n.Descriptor); err != nil {
		return err
	}
	m.native = a.natives[c.name+"."+n.Name+n.Descriptor]
	c.declared = append(c.declared, m)
	switch {
	case c.isIface:
		m.dispatch, m.abstract = ifaceCall, true
	case n.Static || n.Name == "<init>":
		m.dispatch = direct
		if n.Token != NoToken {
			if c.statics[n.Token] != nil {
				return fmt.Errorf("static methods %s and %s have the same token",
					c.statics[n.Token].name, n.Name)
			}
			c.statics[n.Token] = m
		}
	default:
		m.dispatch = virtual
		if n.Token == NoToken {
			m.token = len(c.vtable)
			for i, inherited := range c.vtable {
				if inherited != nil && inherited.name == m.name && inherited.desc == m.desc {
					m.token = i
				}
			}
		}
		for m.token >= len(c.vtable) {
			c.vtable = append(c.vtable, nil)
		}
		if old := c.vtable[m.token]; old != nil && (old.name != m.name || old.desc != m.desc) {
			return fmt.Errorf("method %s%s has the token of %s%s", m.name, m.desc, old.name,
				old.desc)
		}
		c.vtable[m.token] = m
	}
	return nil
}

// implement adds interface d and its superinterfaces. The methods of a native
// class are matched by name and descriptor.
func (c *Class) implement(d *Class) {
	if c.isIface {
		c.supers = append(c.supers, d)
		c.supers = append(c.supers, d.supers...)
		return
	}
	for _, s := range append([]*Class{d}, d.supers...) {
		var slots []int
		for _, want := range s.declared {
			for want.token >= len(slots) {
				slots = append(slots, len(c.vtable)) // no such method
			}
			for i, have := range c.vtable {
				if have != nil && have.name == want.name && have.desc == want.desc {
					slots[want.token] = i
				}
			}
		}
		c.itable = append(c.itable, implementation{s, slots})
	}
}
