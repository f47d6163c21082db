package card

import (
	"fmt"
	"slices"

	"ekrona.example/emulator/api"
)

// Constant is a constant of the Java Card API for an algorithm, a key, a key pair or a PIN.
type Constant struct {
	Class byte   // P1 of JCAlgTest's command B0 75, as [api.ClassCipher]
	Data  []byte // and its data: the value, of keys and pairs with the bits
	Name  string // class and constant, such as Cipher.ALG_AES_CTR; of keys with the length
	// Published are what JCAlgTest found on products, by the names of their profiles: true if
	// the card has it. What a file does not tell is absent.
	Published map[string]bool
}

// Constants are all that JCAlgTest tests one by one.
func Constants() []Constant { return constants }

var constants = func() (all []Constant) {
	for _, row := range answers {
		c := Constant{Class: row.class, Data: []byte(row.data), Name: row.name,
			Published: map[string]bool{}}
		for i, told := range row.told {
			if told != '-' {
				c.Published[columns[i]] = told == 'y'
			}
		}
		all = append(all, c)
	}
	return all
}()

// having is a product with a constant's algorithm, or without it.
func having(p api.Product, c Constant, has bool) api.Product {
	a, found := api.AlgorithmOf(c.Class, c.Data)
	if !found || has && p.Has(a) || !has && slices.Contains(p.Without, a) {
		return p
	}
	anyLength := a
	if has && (a.Kind == api.OfKey || a.Kind == api.OfKeyPair) {
		anyLength.Parts[1] = 0
	}
	p.Without = slices.DeleteFunc(slices.Clone(p.Without),
		func(other api.Algorithm) bool { return other == a || other == anyLength })
	if !has {
		p.Without = append(p.Without, a)
	}
	return p
}

// published is a product with what JCAlgTest found on it, and else what a P71 has.
func published(name string) api.Product {
	p := api.P71
	for _, c := range constants {
		if has, told := c.Published[name]; told {
			p = having(p, c, has)
		}
	}
	return p
}

// constantNamed finds a constant.
func constantNamed(name string) (Constant, error) {
	i := slices.IndexFunc(constants, func(c Constant) bool { return c.Name == name })
	if i < 0 {
		return Constant{}, fmt.Errorf("no algorithm %q; \"ekrona card profile --constants\" lists "+
			"those that there are", name)
	}
	return constants[i], nil
}
