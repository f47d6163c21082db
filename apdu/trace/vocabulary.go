package trace

import (
	"bytes"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/tlv"
)

// Vocabulary is what one application calls its commands, data objects and status words.
type Vocabulary struct {
	// AIDs are those by which the application is selected. A SELECT by another name is
	// none of its commands.
	AIDs [][]byte
	// Forms are its commands, special ones first.
	Forms []Form
	// Status gives the name of a status word and what it means, or known as false. It
	// may be nil.
	Status func(sw apdu.StatusWord) (name, meaning string, known bool)
}

// Form is one meaning of a command's header: how its data and its response are laid out.
type Form struct {
	Name             string
	Clause           string
	CLA, INS, P1, P2 byte
	// Numbered reports that P1 is a number from 1, and the form's P1 only an example.
	Numbered bool
	In, Out  []Field
	// NoData is the meaning of the command without data; empty if it has none.
	NoData string
}

// Field is a data object of a form in its place, or bytes without tag.
type Field struct {
	Name   string
	Clause string
	// Tag is that of the data object. With 0 the field is Length bytes, or all that are
	// left if Length is 0 too.
	Tag      tlv.Tag
	Length   int
	Optional bool
	// Template reports that the value is exactly Fields, in their order, and that After
	// follow the template and belong to it, such as signatures.
	Template      bool
	Meaning       string // of a template
	Fields, After []Field
	// Parts are the layout of a value without tags, which repeats until it ends.
	Parts []Field
	// Secret values are never shown.
	Secret bool
	// Text gives a value in words; nil shows it in hex.
	Text func(value []byte) string
}

// find finds the form that a command has. The chaining bit is ignored.
func (v Vocabulary) find(c apdu.Command) (Form, bool) {
	if c.INS == gpc.InsSelect && c.P1 == gpc.P1ByName && !v.isNamed(c.Data) {
		return Form{}, false
	}
	for _, f := range v.Forms {
		if f.INS == c.INS && f.CLA == c.CLA&^apdu.ClassChaining && f.P2 == c.P2 &&
			(f.P1 == c.P1 || f.Numbered && c.P1 > 0) {
			return f, true
		}
	}
	return Form{}, false
}

func (v Vocabulary) isNamed(aid []byte) bool {
	for _, own := range v.AIDs {
		if bytes.Equal(own, aid) {
			return true
		}
	}
	return false
}

// classProprietary is the class bit of ISO/IEC 7816-4:2013 §5.4.1, table 2.
const classProprietary = 0x80

// hasSecret reports whether one of the fields is a secret.
func hasSecret(fields []Field) bool {
	for _, f := range fields {
		if f.Secret || hasSecret(f.Fields) || hasSecret(f.After) || hasSecret(f.Parts) {
			return true
		}
	}
	return false
}
