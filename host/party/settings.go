package party

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"

	"ekrona/host/durable"
)

// Kind is the kind of a party.
type Kind string

// The kinds, as the first line of a settings file has them.
const (
	CentralBank  Kind = "central bank"
	Intermediary Kind = "intermediary"
	Phone        Kind = "phone"
	Terminal     Kind = "terminal"
)

// SettingsFile is the name of the settings in a party's folder.
const SettingsFile = "settings.yaml"

// header is the field that every settings file has.
type header struct {
	Party Kind `yaml:"party"`
}

// Read reads the settings of a folder, which must be those of a party of the kind. An unknown field
// is an error: it may be misspelt.
func (f *Folder) Read(kind Kind, into any) error {
	if err := f.checkExists(); err != nil {
		return err
	}
	path := f.Path(SettingsFile)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is not there: the folder is no party's, or its founding was cut "+
			"off: found it again", path)
	}
	if err != nil {
		return err
	}
	var h header
	if err := yaml.Unmarshal(content, &h); err != nil {
		return fmt.Errorf("settings %s: %w", path, err)
	}
	if h.Party != kind {
		return fmt.Errorf("settings %s: party: %q: this is not the folder of a %s", path, h.Party,
			kind)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("settings %s: %w", path, err)
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("settings %s: more than one document: keep one", path)
	}
	return nil
}

// Write writes the settings: the end of a founding, whole or not at all.
func (f *Folder) Write(settings any) error {
	content, err := yaml.Marshal(settings)
	if err != nil {
		return fmt.Errorf("settings %s: %w", f.Path(SettingsFile), err)
	}
	return durable.Replace(f.Path(SettingsFile), content, durable.Everyone)
}

// Trusted reads a certificate (7F21) that the settings name; field is the setting's.
func (f *Folder) Trusted(field, name string) ([]byte, error) {
	if name == "" {
		return nil, fmt.Errorf("settings %s: %s: name a certificate file", f.Path(SettingsFile),
			field)
	}
	encoded, err := os.ReadFile(f.Path(name))
	if err != nil {
		return nil, fmt.Errorf("settings %s: %s: %w", f.Path(SettingsFile), field, err)
	}
	return encoded, nil
}

// AllTrusted reads the certificates of a list in the settings.
func (f *Folder) AllTrusted(field string, names []string) (all [][]byte, err error) {
	for _, name := range names {
		encoded, err := f.Trusted(field, name)
		if err != nil {
			return nil, err
		}
		all = append(all, encoded)
	}
	return all, nil
}

// Keep puts a certificate into the folder, as Trusted reads it.
func (f *Folder) Keep(name string, encoded []byte) error {
	return durable.Replace(f.Path(name), encoded, durable.Everyone)
}

// KeepAll puts certificates into a folder within the folder, each under its name, and returns the
// names of the files, in order.
func (f *Folder) KeepAll(
	within string, certificates map[string][]byte,
) (names []string, err error) {
	for _, name := range slices.Sorted(maps.Keys(certificates)) {
		file := filepath.Join(within, name+".cvc")
		if err := f.Keep(file, certificates[name]); err != nil {
			return nil, err
		}
		names = append(names, file)
	}
	return names, nil
}

// KindOf returns the kind of the party that a folder belongs to; empty when it belongs to none.
func KindOf(folder string) (Kind, error) {
	content, err := os.ReadFile(filepath.Join(folder, SettingsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var h header
	if err := yaml.Unmarshal(content, &h); err != nil {
		return "", fmt.Errorf("settings %s: %w", filepath.Join(folder, SettingsFile), err)
	}
	return h.Party, nil
}
