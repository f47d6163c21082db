package vm

import (
	"fmt"

	"ekrona.example/emulator/cap"
)

// linkConstants resolves the constant pool (JCVM 3.0.5 §6.8). A constant that the card
// lacks, or has only by name, is refused here, with its name in the error.
func (l *linker) linkConstants() error {
	for i, src := range l.file.Constants {
		k, err := l.constant(src)
		if err != nil {
			return fmt.Errorf("constant %d: %w", i, err)
		}
		l.pkg.pool = append(l.pkg.pool, k)
	}
	return nil
}

func (l *linker) constant(src cap.Constant) (constant, error) {
	k := constant{kind: src.Kind}
	switch src.Kind {
	case cap.ConstStaticField:
		return k, l.staticField(&k, src)
	case cap.ConstStaticMethod:
		return k, l.staticMethod(&k, src)
	}
	c, err := l.class(src.Class)
	if err != nil {
		return k, err
	}
	k.class = c
	switch src.Kind {
	case cap.ConstInstanceField:
		k.slot = c.base + src.Token
		if c.pkg.native || k.slot >= c.cells {
			return k, fmt.Errorf("class %s has no field %d", c.name, src.Token)
		}
	case cap.ConstVirtualMethod:
		return k, l.virtualMethod(&k, c, src.Token)
	case cap.ConstSuperMethod:
		if c.super == nil {
			return k, fmt.Errorf("class %s has no superclass", c.name)
		}
		return k, l.virtualMethod(&k, c.super, src.Token)
	}
	return k, nil
}

// packageVisibleBit marks the token of a package-visible virtual method.
const packageVisibleBit = 0x80

func (l *linker) virtualMethod(k *constant, c *Class, token int) error {
	table := c.vtable
	k.slot = token
	if token&packageVisibleBit != 0 {
		if c.pkg != l.pkg {
			return fmt.Errorf("method %d of class %s is not visible outside its package", token,
				c.name)
		}
		table, k.packageVisible, k.slot = c.pvtable, true, token&^packageVisibleBit
	}
	if k.slot >= len(table) || table[k.slot] == nil {
		return fmt.Errorf("it calls method %d of class %s, which the card lacks", token, c.name)
	}
	k.method = table[k.slot]
	return bound(k.method)
}

// bound refuses an API method that is described but has no Go function.
func bound(m *Method) error {
	if m.pkg.native && m.native == nil && !m.abstract {
		return fmt.Errorf("it calls %s.%s%s, which this card does not implement", m.class.name,
			m.name, m.desc)
	}
	return nil
}

func (l *linker) staticMethod(k *constant, src cap.Constant) error {
	if !src.External {
		m, err := l.method(src.Offset)
		k.method = m
		return err
	}
	c, err := l.class(cap.ClassRef{External: true, Package: src.Package, Token: src.ClassToken})
	if err != nil {
		return err
	}
	k.method = c.statics[byte(src.Token)]
	if k.method == nil {
		return fmt.Errorf("it calls static method %d of class %s, which the card lacks", src.Token,
			c.name)
	}
	return bound(k.method)
}

func (l *linker) staticField(k *constant, src cap.Constant) error {
	k.home, k.slot = l.pkg, src.Offset
	if !src.External {
		return nil
	}
	c, err := l.class(cap.ClassRef{External: true, Package: src.Package, Token: src.ClassToken})
	if err != nil {
		return err
	}
	if src.Token >= len(c.fields) {
		return fmt.Errorf("it uses static field %d of class %s, which the card lacks", src.Token,
			c.name)
	}
	k.home, k.slot = c.pkg, c.fields[src.Token]
	return nil
}
