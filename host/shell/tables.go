package shell

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"

	"ekrona.example/emulator/lines"
	"ekrona.example/emulator/vm"
	"ekrona.example/host/durable"
)

// CardTables reads the tables of source lines that are kept beside the file of a virtual card: the
// name of the file with ".lines" behind it; none if there is no such file. A card itself keeps of
// a CAP file what cards get, which names nothing.
func CardTables(file string) ([]*lines.Table, error) {
	text, err := durable.Read(file + linesSuffix)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	tables, err := lines.ParseAll(text)
	if err != nil {
		return nil, fmt.Errorf("%s%s: %w; or delete it", file, linesSuffix, err)
	}
	return tables, nil
}

// keepTable keeps the source lines of a CAP file beside the file of the card onto which it was
// loaded, those of the file's own debug information too. Those of what is on the card no more
// are dropped.
func (s *Session) keepTable(f capFile) error {
	table := f.table
	if table == nil && f.file.Debug != nil {
		made, err := lines.Of(f.file)
		if err != nil {
			return err
		}
		table = made
	}
	if s.target.File == "" || table == nil {
		return nil
	}
	all, err := CardTables(s.target.File)
	if err != nil {
		return err
	}
	on := s.target.Virtual.Below().Machine().Packages()
	all = slices.DeleteFunc(all, func(t *lines.Table) bool {
		return t.Fits(f.file) || !slices.ContainsFunc(on, func(p *vm.Package) bool {
			return t.Fits(p.File())
		})
	})
	text := &bytes.Buffer{}
	for _, t := range append(all, table) {
		text.Write(t.Encode())
	}
	return durable.Replace(s.target.File+linesSuffix, text.Bytes(), durable.OwnerOnly)
}
