package card

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"ekrona.example/apdu"
	"ekrona.example/apdu/atr"
	"ekrona.example/emulator/api"
	"ekrona.example/emulator/vm"
)

// maxProfileFile bounds a profile's file, in bytes.
const maxProfileFile = 1 << 16

// Bounds of an answer to reset, in bytes (ISO/IEC 7816-3:2006 §8.2.1): TS and T0 are always there.
const (
	minATR = 2
	maxATR = 33
)

// ErrProfile is wrapped by the errors of [ParseProfile].
var ErrProfile = errors.New("not a card profile")

// profileFile is a profile as a file has it. What is absent is as in the profile of Like.
type profileFile struct {
	Name         string       `yaml:"name"`
	Like         string       `yaml:"like,omitempty"` // a profile of this program; p71 if absent
	Title        string       `yaml:"title,omitempty"`
	Source       string       `yaml:"source,omitempty"`
	JavaCard     string       `yaml:"java-card,omitempty"` // release that the product is sold as
	Version      string       `yaml:"version,omitempty"`   // that JCSystem.getVersion returns
	Persistent   *size        `yaml:"persistent,omitempty"`
	Transient    *size        `yaml:"transient,omitempty"`
	Unit         *size        `yaml:"transient-unit,omitempty"`
	Transaction  *size        `yaml:"transaction,omitempty"`
	APDUBuffer   *size        `yaml:"apdu-buffer,omitempty"`
	Extended     *bool        `yaml:"extended-length,omitempty"`
	Channels     *int         `yaml:"logical-channels,omitempty"`
	DataInBuffer *bool        `yaml:"data-in-buffer,omitempty"`
	ATR          string       `yaml:"atr,omitempty"`
	CPLC         string       `yaml:"cplc,omitempty"`
	Packages     []string     `yaml:"packages,omitempty"`
	With         []string     `yaml:"with,omitempty"`    // algorithms that it has
	Without      []string     `yaml:"without,omitempty"` // and that it has not
	Objects      *objectsFile `yaml:"objects,omitempty"`
}

// objectsFile is [api.ObjectRAM]: transient bytes of each cryptographic object.
type objectsFile struct {
	Digest    [5]int `yaml:"digest,flow"` // SHA-1, SHA-224, SHA-256, SHA-384, SHA-512
	Signature [5]int `yaml:"signature,flow"`
	HMAC      [5]int `yaml:"hmac,flow"`
	AESMAC    int    `yaml:"aes-mac"`
	DESMAC    int    `yaml:"des-mac"`
	ISO9796   int    `yaml:"iso9796"`
	ISO9796MR int    `yaml:"iso9796-mr"`
	AESCBC    int    `yaml:"aes-cbc"`
	AESPadded int    `yaml:"aes-padded"`
	AESECB    int    `yaml:"aes-ecb"`
	AEAD      int    `yaml:"aead"`
	DES       int    `yaml:"des"`
}

// size is a number of bytes; 0 is "unlimited".
type size int

// maxSize is the most that a file may name as one, in bytes.
const maxSize = 1 << 24

// unlimited is how a file writes a size without end.
const unlimited = "unlimited"

// UnmarshalYAML reads digits, with _ between them as Go has it, or "unlimited".
func (s *size) UnmarshalYAML(node *yaml.Node) error {
	if node.Value == unlimited {
		*s = 0
		return nil
	}
	n, err := strconv.Atoi(strings.ReplaceAll(node.Value, "_", ""))
	if err != nil || n < 1 || n > maxSize {
		return fmt.Errorf("line %d: %q is no number of bytes: 1 to %d, or %s", node.Line,
			node.Value, maxSize, unlimited)
	}
	*s = size(n)
	return nil
}

// MarshalYAML is the inverse.
func (s size) MarshalYAML() (any, error) {
	if s == 0 {
		return unlimited, nil
	}
	return int(s), nil
}

var profileName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,39}$`)

// ParseProfile reads a profile that a user has written, in YAML; [Profile.File] writes one. It
// takes nothing that it does not know. Errors: [ErrProfile].
func ParseProfile(content []byte) (Profile, error) {
	if len(content) > maxProfileFile {
		return Profile{}, fmt.Errorf("%w: %d bytes; it has at most %d", ErrProfile, len(content),
			maxProfileFile)
	}
	var f profileFile
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&f); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it is empty")
		}
		return Profile{}, fmt.Errorf("%w: %s", ErrProfile, plainly(err))
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Profile{}, fmt.Errorf("%w: something stands behind its end", ErrProfile)
	}
	if like, err := f.like(); err == nil && f.Objects != nil && like.Product.RAM != nil {
		// what the file does not say of them is as in the other profile
		objects := objectsFile(*like.Product.RAM)
		f = profileFile{Objects: &objects}
		if err := yaml.Unmarshal(content, &f); err != nil {
			return Profile{}, fmt.Errorf("%w: %s", ErrProfile, plainly(err))
		}
	}
	p, err := f.profile()
	if err != nil {
		return Profile{}, fmt.Errorf("%w: %w", ErrProfile, err)
	}
	return p, nil
}

// like is the profile of which the file says what is other.
func (f *profileFile) like() (Profile, error) { return ProfileNamed(cmp.Or(f.Like, P71.Name)) }

// What the YAML package says of Go's types, which whoever wrote the file does not know.
var (
	unknownField = regexp.MustCompile(`field (\S+) not found in type \S+`)
	wrongType    = regexp.MustCompile("cannot unmarshal !!\\w+(?: (`[^`]*`))? into (\\S+)")
	typeWords    = map[string]string{"bool": "true or false", "int": "a number", "string": "a text",
		"card.size": "a number of bytes"}
)

// plainly is the first thing that the YAML package found wrong, in words of the file.
func plainly(err error) string {
	what := strings.TrimPrefix(err.Error(), "yaml: ")
	var several *yaml.TypeError
	if errors.As(err, &several) && len(several.Errors) > 0 {
		what = several.Errors[0]
	}
	what = unknownField.ReplaceAllString(what, "there is no field $1")
	what = wrongType.ReplaceAllStringFunc(what, func(found string) string {
		parts := wrongType.FindStringSubmatch(found)
		wanted, ok := typeWords[strings.TrimLeft(parts[2], "*")]
		switch {
		case ok:
		case strings.HasPrefix(parts[2], "[5]"):
			wanted = "a list of 5 numbers"
		case strings.HasPrefix(parts[2], "[]"):
			wanted = "a list"
		default:
			wanted = "fields with values"
		}
		return cmp.Or(parts[1], "this") + " stands where " + wanted + " belongs"
	})
	return strings.Join(strings.Fields(what), " ")
}

func (f *profileFile) profile() (Profile, error) {
	if !profileName.MatchString(f.Name) {
		return Profile{}, fmt.Errorf("name: %q: write a short one of a-z, 0-9, - and .", f.Name)
	}
	p, err := f.like()
	if err != nil {
		return Profile{}, fmt.Errorf("like: %w", err)
	}
	p.Name, p.Title = f.Name, cmp.Or(f.Title, p.Title)
	p.Source, p.Assumed = cmp.Or(f.Source, p.Source), ""
	if err := f.release(&p); err != nil {
		return Profile{}, err
	}
	for _, n := range []struct {
		from *size
		to   *int
	}{{f.Persistent, &p.NVMBytes}, {f.Transient, &p.RAMBytes}, {f.Unit, &p.RAMUnit},
		{f.Transaction, &p.CommitBytes}, {f.APDUBuffer, &p.APDUBuffer}} {
		if n.from != nil {
			*n.to = int(*n.from)
		}
	}
	if f.APDUBuffer != nil && *f.APDUBuffer == 0 {
		p.APDUBuffer = maxArray
	}
	if p.APDUBuffer < 133 || p.APDUBuffer > maxArray {
		return Profile{}, fmt.Errorf("apdu-buffer: %d: it has 133 to %d bytes", p.APDUBuffer,
			maxArray)
	}
	if f.Extended != nil {
		p.ExtendedLength = *f.Extended
	}
	if f.Channels != nil {
		p.Channels = *f.Channels
	}
	if p.Channels < 0 || f.Channels != nil && p.Channels < 1 || p.Channels > apdu.MaxChannels {
		return Profile{}, fmt.Errorf("logical-channels: %d: a card has 1 to %d, the basic one "+
			"included", p.Channels, apdu.MaxChannels)
	}
	if f.DataInBuffer != nil {
		p.DataInBuffer = *f.DataInBuffer
	}
	if err := f.identity(&p); err != nil {
		return Profile{}, err
	}
	return p, f.product(&p)
}

// releases are those of Java Card that there are, and versions what JCSystem.getVersion returns on
// them: major and minor, or for 3.0.4 and 3.0.5 on some products the last digit in place of minor.
var (
	releases = []string{"2.1", "2.1.1", "2.1.2", "2.2", "2.2.1", "2.2.2", "3.0", "3.0.1", "3.0.2",
		"3.0.3", "3.0.4", "3.0.5", "3.1", "3.1.0", "3.2", "3.2.0"}
	versions = []string{"2.1", "2.2", "3.0", "3.1", "3.2", "3.4", "3.5"}
)

// release reads which Java Card the product is.
func (f *profileFile) release(p *Profile) error {
	if f.JavaCard != "" {
		if !slices.Contains(releases, f.JavaCard) {
			return fmt.Errorf("java-card: %q is no release: one of %s", f.JavaCard,
				strings.Join(releases, ", "))
		}
		p.JavaCard = f.JavaCard
	}
	if f.Version != "" {
		if !slices.Contains(versions, f.Version) {
			return fmt.Errorf("version: %q: JCSystem.getVersion answers one of %s", f.Version,
				strings.Join(versions, ", "))
		}
		p.Product.Version = int16(f.Version[0]-'0')<<8 | int16(f.Version[2]-'0')
	}
	return nil
}

// identity reads ATR and production data.
func (f *profileFile) identity(p *Profile) error {
	for _, part := range []struct {
		name, text  string
		to          *[]byte
		least, most int
		bytes       string
	}{{"atr", f.ATR, &p.ATR, minATR, maxATR, fmt.Sprintf("%d to %d", minATR, maxATR)},
		{"cplc", f.CPLC, &p.CPLC, 42, 42, "42"}} {
		if part.text == "" {
			continue
		}
		b, err := apdu.ParseHex(part.text)
		if err != nil || len(b) < part.least || len(b) > part.most {
			return fmt.Errorf("%s: %q: give %s bytes in hex", part.name, part.text, part.bytes)
		}
		*part.to = b
	}
	if f.ATR != "" {
		if _, err := atr.Parse(p.ATR); err != nil {
			return fmt.Errorf("atr: %q: %w", f.ATR, err)
		}
	}
	return nil
}

// product reads what the card has of the API.
func (f *profileFile) product(p *Profile) error {
	p.Product.Name = cmp.Or(f.Title, f.Name)
	if f.Packages != nil {
		known, err := api.Packages()
		if err != nil {
			return err
		}
		for _, name := range f.Packages {
			if !slices.ContainsFunc(known,
				func(k vm.NativePackage) bool { return k.Name == name }) {
				return fmt.Errorf("packages: %q is none of the API, such as javacardx/crypto", name)
			}
		}
		for _, needed := range []string{"java/lang", "javacard/framework"} {
			if !slices.Contains(f.Packages, needed) {
				return fmt.Errorf("packages: %s is missing, without which no applet loads", needed)
			}
		}
		p.Product.Packages = f.Packages
	}
	for _, list := range []struct {
		field string
		names []string
		has   bool
	}{{"with", f.With, true}, {"without", f.Without, false}} {
		for _, name := range list.names {
			if !list.has && slices.Contains(f.With, name) {
				return fmt.Errorf("%s stands in with and in without: take it out of one", name)
			}
			c, err := constantNamed(name)
			if err != nil {
				return fmt.Errorf("%s: %w", list.field, err)
			}
			if _, found := api.AlgorithmOf(c.Class, c.Data); !found {
				return fmt.Errorf("%s: %s: a virtual card cannot be %s it", list.field, name,
					list.field)
			}
			p.Product = having(p.Product, c, list.has)
		}
	}
	if o := f.Objects; o != nil {
		for _, n := range slices.Concat(o.Digest[:], o.Signature[:], o.HMAC[:], []int{o.AESMAC,
			o.DESMAC, o.ISO9796, o.ISO9796MR, o.AESCBC, o.AESPadded, o.AESECB, o.AEAD, o.DES}) {
			if n < 0 || n > 1<<15 {
				return fmt.Errorf("objects: %d: give 0 to %d bytes", n, 1<<15)
			}
		}
		objects := api.ObjectRAM(*o)
		p.Product.RAM = &objects
	}
	return nil
}

// File is the profile as a file, which [ParseProfile] reads.
func (p Profile) File() ([]byte, error) {
	base := P71
	if p.Product.Packages == nil {
		base = Unlimited
	}
	channels := max(1, p.Channels)
	sizeOf := func(n int) *size { s := size(n); return &s }
	f := profileFile{Name: p.Name, Like: base.Name, Title: p.Title, Source: p.Source,
		JavaCard: p.JavaCard, Persistent: sizeOf(p.NVMBytes), Transient: sizeOf(p.RAMBytes),
		Unit: sizeOf(max(1, p.RAMUnit)), Transaction: sizeOf(p.CommitBytes),
		APDUBuffer: sizeOf(p.APDUBuffer), Extended: &p.ExtendedLength,
		Channels:     &channels,
		DataInBuffer: &p.DataInBuffer, Packages: p.Product.Packages}
	if v := p.Product.Version; v != 0 {
		f.Version = fmt.Sprintf("%d.%d", v>>8, v&0xFF)
	}
	if p.ATR != nil {
		f.ATR = fmt.Sprintf("%X", p.ATR)
	}
	if p.CPLC != nil {
		f.CPLC = fmt.Sprintf("%X", p.CPLC)
	}
	for _, c := range constants {
		a, found := api.AlgorithmOf(c.Class, c.Data)
		if !found || c.Class == api.ClassInitializedDigest { // which is by MessageDigest
			continue
		}
		switch has := p.Product.Has(a); {
		case has == base.Product.Has(a):
		case has:
			f.With = append(f.With, c.Name)
		default:
			f.Without = append(f.Without, c.Name)
		}
	}
	if r := p.Product.RAM; r != nil {
		objects := objectsFile(*r)
		f.Objects = &objects
	}
	return yaml.Marshal(f)
}
