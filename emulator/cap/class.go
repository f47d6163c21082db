package cap

// Classes is the Class component (JCVM 3.0.5 §6.9).
type Classes struct {
	List     []*Class
	byOffset map[int]*Class
}

// At returns the class whose description starts at an offset of the
// component's content, nil if none does.
func (c *Classes) At(off int) *Class {
	if c == nil {
		return nil
	}
	return c.byOffset[off]
}

// Class is one class or interface. For an interface only Offset, Shareable and
// Superinterfaces have a meaning.
type Class struct {
	Offset    int
	Interface bool
	Shareable bool
	Remote    bool

	Superinterfaces []ClassRef

	HasSuper        bool // false for java.lang.Object alone
	Super           ClassRef
	InstanceSize    int // cells declared by this class
	FirstReference  int // token of the first reference among them, 0xFF if none
	ReferenceCount  int
	PublicBase      int // token of the first entry of Public
	Public          []int
	PackageBase     int
	Package         []int
	Implementations []Implementation
}

// NoMethod in a method table stands for a method inherited from another package.
const NoMethod = 0xFFFF

// noSuper is the superclass reference of java.lang.Object.
const noSuper = 0xFFFF

// Implementation maps the method tokens of an interface to the virtual method
// tokens of the class.
type Implementation struct {
	Interface ClassRef
	Methods   []int
}

const (
	classInterface = 0x8
	classShareable = 0x4
	classRemote    = 0x2
)

func (f *File) parseClass(r *reader) error {
	c := &Classes{byOffset: map[int]*Class{}}
	f.Classes = c
	if f.Header.FormatMinor >= 2 {
		r.bytes(r.u2("signature pool length"), "signature pool")
	}
	for r.err == nil && r.left() > 0 {
		k := f.class(r)
		if r.err == nil {
			c.List = append(c.List, k)
			c.byOffset[k.Offset] = k
		}
	}
	for _, k := range c.List {
		if k.Interface {
			for _, s := range k.Superinterfaces {
				f.checkClassAt(r, k, s, "superinterface", true)
			}
			continue
		}
		if k.HasSuper {
			f.checkClassAt(r, k, k.Super, "superclass", false)
		}
		for _, i := range k.Implementations {
			f.checkClassAt(r, k, i.Interface, "interface", true)
		}
	}
	return r.end()
}

// checkClassAt checks a reference between classes. Within a file a class must
// stand after what it extends or implements, which also excludes circles.
func (f *File) checkClassAt(r *reader, from *Class, to ClassRef, what string, isInterface bool) {
	if r.err != nil || to.External {
		return
	}
	target := f.Classes.At(to.Offset)
	if target == nil || target.Interface != isInterface || to.Offset >= from.Offset {
		r.failAt(from.Offset, "%s of this class should stand at %d, before it, and does not", what,
			to.Offset)
	}
}

func (f *File) class(r *reader) *Class {
	k := &Class{Offset: r.off}
	bits := r.u1("class flags")
	flags, interfaces := bits>>4, bits&15
	k.Interface = flags&classInterface != 0
	k.Shareable = flags&classShareable != 0
	k.Remote = flags&classRemote != 0
	if flags&^(classInterface|classShareable|classRemote) != 0 || k.Remote &&
		f.Header.FormatMinor < 2 {
		r.failAt(k.Offset, "class flags %X have reserved bits", flags)
	}
	if k.Interface {
		for i := 0; i < interfaces; i++ {
			k.Superinterfaces = append(k.Superinterfaces, r.classRef(f, "superinterface"))
		}
		if k.Remote {
			r.bytes(r.u1("interface name length"), "interface name")
		}
		return k
	}
	if r.left() >= 2 && int(r.data[r.off])<<8|int(r.data[r.off+1]) == noSuper {
		r.u2("superclass")
	} else {
		k.HasSuper, k.Super = true, r.classRef(f, "superclass")
	}
	k.InstanceSize = r.u1("instance size")
	at := r.off
	k.FirstReference, k.ReferenceCount = r.u1("first reference token"), r.u1("reference count")
	if r.err == nil && k.ReferenceCount > 0 && k.FirstReference+k.ReferenceCount > k.InstanceSize {
		r.failAt(at, "references %d to %d are outside an instance of %d cells",
			k.FirstReference, k.FirstReference+k.ReferenceCount-1, k.InstanceSize)
	}
	k.PublicBase = r.u1("public method table base")
	public := r.u1("public method table count")
	k.PackageBase = r.u1("package method table base")
	private := r.u1("package method table count")
	k.Public = r.u2s(public, "public method offsets")
	k.Package = r.u2s(private, "package method offsets")
	for i := 0; i < interfaces && r.err == nil; i++ {
		impl := Implementation{Interface: r.classRef(f, "interface")}
		impl.Methods = r.u1s(r.u1("interface method count"), "interface methods")
		k.Implementations = append(k.Implementations, impl)
	}
	if k.Remote {
		f.remoteInterfaces(r)
	}
	return k
}

// remoteInterfaces skips what only Java Card RMI uses (§6.9).
func (f *File) remoteInterfaces(r *reader) {
	const remoteMethodBytes = 5
	methods := r.count(r.u1("remote method count"), remoteMethodBytes, "remote methods")
	r.bytes(methods*remoteMethodBytes, "remote methods")
	r.bytes(r.u1("hash modifier length"), "hash modifier")
	r.bytes(r.u1("class name length"), "class name")
	for n := r.u1("remote interface count"); n > 0 && r.err == nil; n-- {
		r.classRef(f, "remote interface")
	}
}
