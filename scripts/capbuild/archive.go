package capbuild

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"slices"
	"strings"
)

// componentOrder is the order in which a card takes the components (JCVM 3.0.5 §6.2),
// and their order in our archives.
var componentOrder = []string{
	"Header.cap", "Directory.cap", "Import.cap", "Applet.cap", "Class.cap", "Method.cap",
	"StaticField.cap",
	"Export.cap", "ConstantPool.cap", "RefLocation.cap", "Descriptor.cap", "Debug.cap",
}

// Archive is the content of a CAP file: a JAR file (JCVM 3.0.5 §4.1.3).
type Archive struct {
	Components []Entry // by file name without folders: "Header.cap"
	others     []Entry // by whole path: META-INF/MANIFEST.MF and descriptors
	folder     string  // that holds the components
}

// Entry is one file in an archive.
type Entry struct {
	Name    string
	Content []byte
}

// maxEntry bounds what one entry may unpack to; a component's size is a u2.
const maxEntry = 1 << 20

// ReadArchive reads a CAP file.
func ReadArchive(file []byte) (*Archive, error) {
	reader, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, fmt.Errorf("not a CAP file: %w", err)
	}
	a := &Archive{}
	for _, f := range reader.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		content, err := readEntry(f)
		if err != nil {
			return nil, fmt.Errorf("entry %s: %w", f.Name, err)
		}
		base := path.Base(f.Name)
		switch {
		case slices.Contains(componentOrder, base):
			a.folder = path.Dir(f.Name)
			a.Components = append(a.Components, Entry{base, content})
		case strings.HasSuffix(base, ".class"):
		default:
			a.others = append(a.others, Entry{f.Name, content})
		}
	}
	if len(a.Components) == 0 {
		return nil, fmt.Errorf("not a CAP file: it has no components")
	}
	slices.SortFunc(a.Components, func(x, y Entry) int {
		return slices.Index(componentOrder, x.Name) - slices.Index(componentOrder, y.Name)
	})
	slices.SortFunc(a.others, func(x, y Entry) int { return strings.Compare(x.Name, y.Name) })
	return a, nil
}

func readEntry(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	content, err := io.ReadAll(io.LimitReader(r, maxEntry+1))
	if err == nil && len(content) > maxEntry {
		err = fmt.Errorf("over %d bytes", maxEntry)
	}
	return content, err
}

// Bytes writes the archive so that the same content always gives the same file:
// fixed order, no dates, nothing compressed, and in the JAR manifest no line that
// depends on the day or the machine.
func (a *Archive) Bytes() ([]byte, error) {
	var file bytes.Buffer
	w := zip.NewWriter(&file)
	put := func(name string, content []byte) error {
		// Sizes in the local header: Java reads no stored entry without them.
		f, err := w.CreateRaw(&zip.FileHeader{
			Name: name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(content),
			CompressedSize64: uint64(len(content)), UncompressedSize64: uint64(len(content)),
		})
		if err == nil {
			_, err = f.Write(content)
		}
		return err
	}
	for _, e := range a.others {
		content := e.Content
		if e.Name == "META-INF/MANIFEST.MF" {
			content = withoutDates(content)
		}
		if err := put(e.Name, content); err != nil {
			return nil, fmt.Errorf("write %s: %w", e.Name, err)
		}
	}
	for _, e := range a.Components {
		if err := put(a.folder+"/"+e.Name, e.Content); err != nil {
			return nil, fmt.Errorf("write %s: %w", e.Name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("write the archive: %w", err)
	}
	return file.Bytes(), nil
}

// withoutDates drops the lines of a JAR manifest that change from build to build.
func withoutDates(manifest []byte) []byte {
	var kept []string
	for line := range strings.Lines(string(manifest)) {
		if !strings.HasPrefix(line, "Created-By:") &&
			!strings.HasPrefix(line, "Java-Card-CAP-Creation-Time:") {
			kept = append(kept, line)
		}
	}
	return []byte(strings.Join(kept, ""))
}
