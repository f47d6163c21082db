package capbuild

import (
	"context"
	"fmt"
	"path/filepath"

	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/lines"
)

// writeLines converts a package with Lines once more, with debug information and without constants,
// and writes the table of the source line of each instruction. from has the sources. The second
// conversion must give the same instructions.
func (b *builder) writeLines(
	ctx context.Context, out string, p Package, from string, archive *Archive,
) error {
	if !p.Lines {
		return nil
	}
	options := optionsOf(p)
	options.Debug = true
	sources := filepath.Join(b.work, p.Name+".lines")
	if err := copyWithoutConstants(sources, from); err != nil {
		return fmt.Errorf("lines of %s: %w", p.Name, err)
	}
	debug, err := b.convert(ctx, p, sources, options)
	if err != nil {
		return err
	}
	table, err := linesOf(debug)
	if err != nil {
		return fmt.Errorf("lines of %s: %w", p.Name, err)
	}
	plain, err := archive.parse()
	if err != nil {
		return fmt.Errorf("lines of %s: %w", p.Name, err)
	}
	if !table.Fits(plain) {
		return fmt.Errorf("lines of %s: with debug information the converter gives other "+
			"instructions", p.Name)
	}
	return writeFile(filepath.Join(out, filepath.FromSlash(p.LinesFile())), table.Encode())
}

func linesOf(debug *Archive) (*lines.Table, error) {
	file, err := debug.parse()
	if err != nil {
		return nil, err
	}
	return lines.Of(file)
}

func (a *Archive) parse() (*cap.File, error) {
	file, err := a.Bytes()
	if err != nil {
		return nil, err
	}
	return cap.Parse(file)
}
