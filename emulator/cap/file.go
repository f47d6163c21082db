package cap

import "fmt"

// Tag is the kind of a component (JCVM 3.0.5 §6.1, table 6-1).
type Tag byte

// The components of a CAP file.
const (
	TagHeader            Tag = 1
	TagDirectory         Tag = 2
	TagApplet            Tag = 3
	TagImport            Tag = 4
	TagConstantPool      Tag = 5
	TagClass             Tag = 6
	TagMethod            Tag = 7
	TagStaticField       Tag = 8
	TagReferenceLocation Tag = 9
	TagExport            Tag = 10
	TagDescriptor        Tag = 11
	TagDebug             Tag = 12
	tagLast                  = TagDebug
	tagCustomFirst       Tag = 128 // custom components (§6.2.2) are skipped
)

var names = [...]string{
	TagHeader: "Header", TagDirectory: "Directory", TagApplet: "Applet", TagImport: "Import",
	TagConstantPool: "ConstantPool", TagClass: "Class", TagMethod: "Method",
	TagStaticField:       "StaticField",
	TagReferenceLocation: "RefLocation", TagExport: "Export", TagDescriptor: "Descriptor",
	TagDebug: "Debug",
}

// String returns the name that the component has as a file, without ".cap".
func (t Tag) String() string {
	if t >= TagHeader && t <= tagLast {
		return names[t]
	}
	return fmt.Sprintf("%d", byte(t))
}

// File is a parsed CAP file. Components that the file lacks are nil.
type File struct {
	Header      *Header
	Directory   *Directory
	Applets     []Applet // empty for a library
	Imports     []PackageInfo
	Constants   []Constant
	Classes     *Classes
	Methods     *Methods
	Statics     *StaticFields
	RefLocation *RefLocation
	Exports     []ClassExport // empty if nothing is exported
	Descriptor  *Descriptor   // nil if the load file leaves it out
	Debug       *Debug        // nil without debug information

	raw [tagLast + 1][]byte // each component whole, with tag and size
}

// loadOrder is the order in which a card receives the components (JCVM 3.0.5
// §6.3, GPC 2.3.1 appendix C leaves it to the platform).
var loadOrder = []Tag{
	TagHeader, TagDirectory, TagImport, TagApplet, TagClass, TagMethod, TagStaticField,
	TagExport, TagConstantPool, TagReferenceLocation, TagDescriptor, TagDebug,
}

// LoadFile returns the components one after the other, as a load file data
// block without its tag C4. ParseLoadFile reads it back.
func (f *File) LoadFile() []byte {
	var block []byte
	for _, t := range loadOrder {
		block = append(block, f.raw[t]...)
	}
	return block
}

// Component returns a component as it is in the file, with tag and size; nil if the
// file lacks it.
func (f *File) Component(t Tag) []byte {
	if t > tagLast {
		return nil
	}
	return f.raw[t]
}

// ParseLoadFile reads the components of a load file data block: what GPC 2.3.1
// §11.6.2 transports in tag C4, without that tag. Components may come in any
// order; Descriptor and Debug may be missing.
func ParseLoadFile(block []byte) (*File, error) {
	f := &File{}
	for off := 0; off < len(block); {
		if len(block)-off < componentHeaderBytes {
			return nil, &Error{Offset: -1,
				What: fmt.Sprintf("load file ends within the header of a component, at offset %d",
					off)}
		}
		t := Tag(block[off])
		size := int(block[off+1])<<8 | int(block[off+2])
		if size > len(block)-off-componentHeaderBytes {
			return nil, &Error{t.String(), 1,
				fmt.Sprintf("declares %d bytes, the load file has %d left", size,
					len(block)-off-componentHeaderBytes)}
		}
		whole := block[off : off+componentHeaderBytes+size]
		off += len(whole)
		if t >= tagCustomFirst {
			continue
		}
		if err := f.add(t, whole); err != nil {
			return nil, err
		}
	}
	if err := f.parse(); err != nil {
		return nil, err
	}
	return f, nil
}

// add keeps a component, which must not be there twice.
func (f *File) add(t Tag, whole []byte) error {
	if t < TagHeader || t > tagLast {
		return &Error{t.String(), 0, "unknown component tag"}
	}
	if f.raw[t] != nil {
		return &Error{t.String(), 0, "component is there twice"}
	}
	f.raw[t] = append([]byte(nil), whole...)
	return nil
}

func (f *File) reader(t Tag) *reader {
	return &reader{component: t.String(), data: f.raw[t][componentHeaderBytes:]}
}

// parse takes the components apart, each after those that it refers to.
func (f *File) parse() error {
	for _, t := range []Tag{TagHeader, TagDirectory, TagImport, TagConstantPool, TagClass,
		TagMethod, TagStaticField, TagReferenceLocation} {
		if f.raw[t] == nil {
			return &Error{t.String(), -1, "component is missing"}
		}
	}
	steps := []struct {
		tag   Tag
		parse func(*reader) error
	}{
		{TagHeader, f.parseHeader},
		{TagDirectory, f.parseDirectory},
		{TagImport, f.parseImport},
		{TagClass, f.parseClass},
		{TagMethod, f.parseMethod},
		{TagStaticField, f.parseStaticField},
		{TagConstantPool, f.parseConstantPool},
		{TagApplet, f.parseApplet},
		{TagReferenceLocation, f.parseReferenceLocation},
		{TagExport, f.parseExport},
		{TagDescriptor, f.parseDescriptor},
		{TagDebug, f.parseDebug},
	}
	for _, s := range steps {
		if f.raw[s.tag] == nil {
			continue
		}
		if err := s.parse(f.reader(s.tag)); err != nil {
			return err
		}
	}
	return f.checkPresence()
}

// checkPresence compares the flags of the header with the components.
func (f *File) checkPresence() error {
	for _, c := range []struct {
		tag  Tag
		flag bool
	}{{TagApplet, f.Header.HasApplets}, {TagExport, f.Header.HasExports}} {
		if present := f.raw[c.tag] != nil; present != c.flag {
			if present {
				return &Error{c.tag.String(), -1,
					"component is there, but the header's flags deny it"}
			}
			return &Error{c.tag.String(), -1,
				"component is missing, but the header's flags announce it"}
		}
	}
	return nil
}
