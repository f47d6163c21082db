package capbuild

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"

	"ekrona.example/emulator/lines"
)

// inUTF8 is a folder of the package's sources as the compiler takes them, in UTF-8: their own, or
// where a file of it is older than that a copy, in which such files are read as ISO 8859-1. Lines
// stay where they are.
func (b *builder) inUTF8(p Package) (folder string, err error) {
	from, isOld := b.sources(p), false
	sources, err := readSources(from, ".java")
	if err != nil {
		return "", fmt.Errorf("sources of %s: %w", p.Name, err)
	}
	for path, content := range sources {
		isOld = isOld || !utf8.Valid(content)
		sources[path] = lines.SourceText(content)
	}
	if !isOld {
		return from, nil
	}
	folder = filepath.Join(b.work, p.Name+".utf8")
	if err := writeSources(folder, sources); err != nil {
		return "", fmt.Errorf("sources of %s: %w", p.Name, err)
	}
	return folder, nil
}

// readSources reads the files of a folder with an extension, or all of them, by their places in it.
func readSources(folder, extension string) (map[string][]byte, error) {
	sources := map[string][]byte{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || extension != "" && filepath.Ext(path) != extension {
			return err
		}
		relative, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		sources[relative], err = os.ReadFile(path)
		return err
	})
	return sources, err
}

// writeSources writes files at their places in a folder.
func writeSources(folder string, sources map[string][]byte) error {
	for path, source := range sources {
		path = filepath.Join(folder, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, source, 0o644); err != nil {
			return err
		}
	}
	return nil
}
