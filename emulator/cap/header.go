package cap

// Header is the Header component (JCVM 3.0.5 §6.4).
type Header struct {
	FormatMajor, FormatMinor int // of the CAP file: 2.1 or 2.2
	UsesInt                  bool
	HasExports               bool
	HasApplets               bool
	Package                  PackageInfo
	Name                     string // with slashes; empty if the file has none
}

// PackageInfo names a package and its version.
type PackageInfo struct {
	Major, Minor int
	AID          []byte
}

const (
	magic     = 0xDECAFFED
	flagInt   = 0x01
	flagExp   = 0x02
	flagApp   = 0x04
	flagsMask = flagInt | flagExp | flagApp
)

func (r *reader) packageInfo() PackageInfo {
	minor := r.u1("package minor version")
	major := r.u1("package major version")
	return PackageInfo{Major: major, Minor: minor, AID: r.aid("package AID")}
}

func (f *File) parseHeader(r *reader) error {
	if m := r.u2("magic")<<16 | r.u2("magic"); r.err == nil && m != magic {
		r.failAt(0, "magic is %08X, must be %08X", m, magic)
	}
	h := &Header{}
	at := r.off
	h.FormatMinor = r.u1("minor version")
	h.FormatMajor = r.u1("major version")
	if r.err == nil && (h.FormatMajor != 2 || h.FormatMinor < 1 || h.FormatMinor > 2) {
		r.failAt(at, "CAP format %d.%d is not supported; convert for Java Card 3.0.5 or earlier "+
			"(format 2.1 or 2.2)", h.FormatMajor, h.FormatMinor)
	}
	at = r.off
	flags := r.u1("flags")
	if flags&^flagsMask != 0 {
		r.failAt(at, "flags %02X have reserved bits", flags)
	}
	h.UsesInt = flags&flagInt != 0
	h.HasExports = flags&flagExp != 0
	h.HasApplets = flags&flagApp != 0
	h.Package = r.packageInfo()
	if r.err == nil && (h.FormatMinor >= 2 || r.left() > 0) {
		h.Name = string(r.bytes(r.u1("package name length"), "package name"))
	}
	f.Header = h
	return r.end()
}
