package party

import (
	"bytes"
	"context"
	"encoding"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/durable"
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
// is an error: it may be misspelt. So is a value that [Checked] settings do not take.
func (f *Folder) Read(kind Kind, into any) error {
	d, err := f.settingsOf(kind)
	if err != nil {
		return err
	}
	path := d.path
	if err := d.checkValues(into); err != nil {
		return err
	}
	if err := d.root.Decode(into); err != nil {
		return d.unreadable(err)
	}
	if err := d.checkKeys(into); err != nil {
		return err
	}
	if d.several {
		return fmt.Errorf("settings %s: more than one document: keep one", path)
	}
	if err := complete(path, into); err != nil {
		return err
	}
	if checked, is := into.(Checked); is {
		if err := checked.Check(); err != nil {
			return fmt.Errorf("settings %s: %w", path, err)
		}
	}
	return nil
}

// Check reports whether the folder has settings of a party of the kind; Read reads them.
func (f *Folder) Check(kind Kind) error {
	_, err := f.settingsOf(kind)
	return err
}

// document is a settings file, parsed.
type document struct {
	path    string
	root    yaml.Node
	several bool // it has more than this document
}

// parse parses a settings file.
func parse(path string, content []byte) (*document, error) {
	d := &document{path: path}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	switch err := decoder.Decode(&d.root); {
	case errors.Is(err, io.EOF):
		return nil, lacks(path, "party")
	case err != nil:
		return nil, d.unreadable(err)
	}
	d.several = !errors.Is(decoder.Decode(new(yaml.Node)), io.EOF)
	return d, nil
}

func (f *Folder) settingsOf(kind Kind) (*document, error) {
	if err := f.checkExists(); err != nil {
		return nil, err
	}
	path := f.Path(SettingsFile)
	content, err := durable.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing: restore it from its backup; if its founding was "+
			"cut off, give that again", path)
	}
	if err != nil {
		return nil, err
	}
	d, err := parse(path, content)
	if err != nil {
		return nil, err
	}
	switch is, err := d.kind(); {
	case err != nil:
		return nil, err
	case is != kind:
		return nil, fmt.Errorf("settings %s: party: %q: this is not the folder of a %s", path, is,
			kind)
	}
	return d, nil
}

// kind returns the kind of party that settings are for. Settings without one are damaged.
func (d *document) kind() (Kind, error) {
	var h header
	if err := d.root.Decode(&h); err != nil {
		return "", d.unreadable(err)
	}
	if h.Party == "" {
		return "", lacks(d.path, "party")
	}
	return h.Party, nil
}

// ownType is what the yaml package says of types of ours and its own, which whoever wrote the file
// does not know.
var ownType = regexp.MustCompile(` (in type|into) .*$`)

// misfit is how it says that a value is not of the type of its key.
var misfit = regexp.MustCompile(`^line (\d+): cannot unmarshal !!\w+( .*)? into (\S+)$`)

// unreadable names the first thing that is wrong with settings.
func (d *document) unreadable(err error) error {
	what := strings.TrimPrefix(err.Error(), "yaml: ")
	var several *yaml.TypeError
	if errors.As(err, &several) && len(several.Errors) > 0 {
		what = several.Errors[0]
	}
	if m := misfit.FindStringSubmatch(what); m != nil {
		what = fmt.Sprintf("line %s: %snot what belongs here%s: give %s", m[1],
			d.keyAt(m[1]), m[2], kindOfValue(m[3]))
	}
	return fmt.Errorf("settings %s: %s: correct the file, or restore it from its backup", d.path,
		ownType.ReplaceAllString(what, ""))
}

// kindOfValue says what a type of ours takes.
func kindOfValue(goType string) string {
	switch kind := goType[strings.LastIndex(goType, ".")+1:]; {
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case kind == "Duration":
		return "a time such as 30s or 720h"
	case kind == "string", kind == "Kind":
		return "a text"
	case kind == "Name":
		return fmt.Sprintf("%d capital letters and digits", spec.NameLength)
	case kind == "DeviceID":
		return fmt.Sprintf("%d capital letters and digits", spec.DeviceIDLength)
	case kind == "bool":
		return "true or false"
	case strings.HasPrefix(kind, "float"):
		return "a number"
	case strings.HasPrefix(kind, "int"), kind == "Ore":
		return "a whole number"
	}
	return "keys with their values"
}

// keyAt returns the key whose value stands at a line, with what joins it to a message; empty for
// none.
func (d *document) keyAt(line string) string {
	found := ""
	eachValue(&d.root, "", func(path string, n *yaml.Node) {
		if path != "" && strconv.Itoa(n.Line) == line {
			found = path + ": " // that within it comes after it
		}
	})
	return found
}

// eachValue calls do for every value of a document, with the key at which it stands.
func eachValue(n *yaml.Node, path string, do func(path string, n *yaml.Node)) {
	do(path, n)
	for i, below := range n.Content {
		if n.Kind != yaml.MappingNode {
			eachValue(below, path, do)
		} else if i%2 == 1 {
			eachValue(below, strings.TrimPrefix(path+"."+n.Content[i-1].Value, "."), do)
		}
	}
}

// checkKeys refuses a key that settings do not have.
func (d *document) checkKeys(into any) (err error) {
	of := reflect.TypeOf(into).Elem()
	eachValue(&d.root, "", func(key string, n *yaml.Node) {
		if t, _ := typeAt(of, key); err == nil && t == nil && isKeyOf(of, key) {
			err = d.unreadable(fmt.Errorf("line %d: field %s not found", n.Line,
				key[strings.LastIndex(key, ".")+1:]))
		}
	})
	return err
}

// checkValues refuses what the yaml package takes, or refuses without saying where: a number with a
// fraction where a whole one belongs, and a text that its type does not take.
func (d *document) checkValues(into any) (err error) {
	path := d.path
	eachValue(&d.root, "", func(key string, n *yaml.Node) {
		t, optional := typeAt(reflect.TypeOf(into).Elem(), key)
		if err != nil || n.Kind != yaml.ScalarNode || t == nil {
			return
		}
		if t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		text, isText := reflect.New(t).Interface().(encoding.TextUnmarshaler)
		number := t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64
		if number && optional && isZero(n) {
			err = fmt.Errorf("settings %s: %w", path, Wrong(key, quoted(n.Value),
				"another value, or leave it out for the default"))
			return
		}
		fraction := n.ShortTag() == "!!float" && t.Kind() >= reflect.Int &&
			t.Kind() <= reflect.Uint64
		if fraction || isText && text.UnmarshalText([]byte(n.Value)) != nil {
			err = fmt.Errorf("settings %s: %w", path, Wrong(key, quoted(n.Value),
				kindOfValue(t.String())))
		}
	})
	return err
}

// isZero reports whether a number, or a time, is zero.
func isZero(n *yaml.Node) bool {
	if d, err := time.ParseDuration(n.Value); err == nil {
		return d == 0
	}
	number := 1.0
	return n.Decode(&number) == nil && number == 0
}

// typeAt returns the type of the value at a key of settings, nil where there is none, and whether
// it can be left out.
func typeAt(t reflect.Type, key string) (_ reflect.Type, optional bool) {
	for name := range strings.SplitSeq(key, ".") {
		if t.Kind() != reflect.Struct {
			return nil, false
		}
		f, found := t.FieldByNameFunc(func(field string) bool {
			f, _ := t.FieldByName(field)
			yamlName, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			return yamlName == name
		})
		if !found {
			return nil, false
		}
		_, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		t, optional = f.Type, options == "omitempty"
	}
	return t, optional
}

// isKeyOf reports whether what a key stands in has keys.
func isKeyOf(t reflect.Type, key string) bool {
	if at := strings.LastIndex(key, "."); at >= 0 {
		t, _ = typeAt(t, key[:at])
	}
	return key != "" && t != nil && t.Kind() == reflect.Struct
}

func lacks(path, field string) error {
	return fmt.Errorf("settings %s: %s: missing or empty: the file is damaged: restore it from "+
		"its backup, or write the field again", path, field)
}

// complete refuses settings in which a text or a list is missing. What else can be missing has
// limits of its own, which its party checks.
func complete(path string, settings any) error {
	v := reflect.Indirect(reflect.ValueOf(settings))
	for n := range v.NumField() {
		kind := v.Field(n).Kind()
		name, options, _ := strings.Cut(v.Type().Field(n).Tag.Get("yaml"), ",")
		if (kind == reflect.String || kind == reflect.Slice) && v.Field(n).Len() == 0 &&
			options != "omitempty" {
			return lacks(path, name)
		}
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

// Configure changes the settings of a founded party that does not work; into is a pointer to them.
func Configure(
	ctx context.Context, path string, kind Kind, into any, change func(), e Environment,
) (err error) {
	f, err := Enter(ctx, path, e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Read(kind, into); err != nil {
		return err
	}
	change()
	return f.Write(into)
}

// Trusted reads a certificate (7F21) that the settings name; field is the setting's. Whether it is
// trusted is its reader's business; one that is none is an error here, which names the file.
func (f *Folder) Trusted(field, name string) ([]byte, error) {
	if name == "" {
		return nil, fmt.Errorf("settings %s: %s: name a certificate file", f.Path(SettingsFile),
			field)
	}
	encoded, err := durable.Read(f.Path(name))
	if err != nil {
		return nil, fmt.Errorf("settings %s: %s: %w", f.Path(SettingsFile), field, err)
	}
	if _, err := cvc.Parse(encoded); err != nil {
		return nil, fmt.Errorf("settings %s: %s: %s: %w: restore it from its backup",
			f.Path(SettingsFile), field, f.Path(name), err)
	}
	return encoded, nil
}

// KeyError is the error of a key that the settings name; field is the setting's. One whose file is
// gone is named with it.
func (f *Folder) KeyError(field string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fmt.Errorf("settings %s: %s: %w: restore it from its backup", f.Path(SettingsFile),
		field, err)
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

// KindOf returns the kind of the party that a folder belongs to; empty when it belongs to none. The
// error names the settings, if they are damaged.
func KindOf(folder string) (Kind, error) {
	content, err := durable.Read(filepath.Join(folder, SettingsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	d, err := parse(filepath.Join(folder, SettingsFile), content)
	if err != nil {
		return "", err
	}
	return d.kind()
}
