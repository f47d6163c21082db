package cap

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"path"
	"strings"
)

// maxComponentBytes is what a size field of two bytes can declare, and header.
const maxComponentBytes = 0xFFFF + componentHeaderBytes

// Parse reads a CAP file: a zip archive in which the components of one package are
// Header.cap, Method.cap and so on in a folder named javacard (JCVM 3.0.5 §6.2). Other
// entries, such as the manifest, are skipped.
func Parse(data []byte) (*File, error) {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, &Error{Offset: -1,
			What: fmt.Sprintf("not a zip archive (%v); give the .cap file that the converter wrote",
				err)}
	}
	f := &File{}
	for _, entry := range archive.File {
		t, ok := componentNamed(entry.Name)
		if !ok {
			continue
		}
		whole, err := readEntry(entry)
		if err != nil {
			return nil, &Error{t.String(), -1, err.Error()}
		}
		if len(whole) < componentHeaderBytes {
			return nil, &Error{t.String(), 0,
				fmt.Sprintf("only %d bytes, the tag and size alone take %d", len(whole),
					componentHeaderBytes)}
		}
		if Tag(whole[0]) != t {
			return nil, &Error{t.String(), 0,
				fmt.Sprintf("tag is %d, must be %d", whole[0], byte(t))}
		}
		if size := int(whole[1])<<8 | int(whole[2]); size != len(whole)-componentHeaderBytes {
			return nil, &Error{t.String(), 1,
				fmt.Sprintf("declares %d bytes, but %d follow", size,
					len(whole)-componentHeaderBytes)}
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

func componentNamed(name string) (Tag, bool) {
	dir, base := path.Split(name)
	if path.Base(dir) != "javacard" {
		return 0, false
	}
	stem, ok := strings.CutSuffix(base, ".cap")
	if !ok {
		return 0, false
	}
	for t := TagHeader; t <= tagLast; t++ {
		if t.String() == stem {
			return t, true
		}
	}
	return 0, false
}

func readEntry(entry *zip.File) ([]byte, error) {
	r, err := entry.Open()
	if err != nil {
		return nil, fmt.Errorf("cannot unpack: %w", err)
	}
	defer r.Close()
	whole, err := io.ReadAll(io.LimitReader(r, maxComponentBytes+1))
	if err != nil {
		return nil, fmt.Errorf("cannot unpack: %w", err)
	}
	if len(whole) > maxComponentBytes {
		return nil, fmt.Errorf("larger than the %d bytes that a component can have",
			maxComponentBytes)
	}
	return whole, nil
}
