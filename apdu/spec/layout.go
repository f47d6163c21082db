package spec

import "ekrona.example/apdu/tlv"

// Presence is when a field is there.
type Presence uint8

// The presences.
const (
	Required Presence = iota
	Optional          // may be left out
)

// Field is one data object of a layout or of a command, in its place.
//
// Exactly one of these holds: Layout is set, and the field is that template or
// whole message; or Tag is set, and the field is that data object; or neither
// is, and the field is Min to Max bytes without tag and length.
type Field struct {
	Name     string // as in Spec.java
	Tag      Tag
	Layout   *Layout
	Kind     Kind // of a field without tag; otherwise the tag's row has it
	Min, Max int  // bytes of the value; zero: as in the tag's row
	Presence Presence
	Meaning  string // what it is here, when the tag's meaning is not enough
}

// Layout is a template: a tag and its fields, exactly these and in this order.
// With Signers it is a signed message: the template is the body, and one DO 5F37
// over the whole body follows for each signer.
type Layout struct {
	Name    string // as in Spec.java
	Tag     Tag
	Fields  []Field
	Signers []string
	Meaning string
}

// Value gives kind and bounds of the field's value, in bytes. For a field with a
// Layout that is the content of the template.
func (f Field) Value() (kind Kind, minimum, maximum int) {
	kind, minimum, maximum = f.Kind, f.Min, f.Max
	switch {
	case f.Layout != nil:
		minimum, maximum = f.Layout.Content()
		return KindTemplate, minimum, maximum
	case f.Tag != 0:
		row, _ := DataObject(f.Tag)
		kind = row.Kind
		if maximum == 0 {
			minimum, maximum = row.Min, row.Max
		}
	}
	return kind, minimum, maximum
}

// Size bounds the field's bytes on the wire, tag, length and signatures
// included; an optional field has the minimum 0.
func (f Field) Size() (minimum, maximum int) {
	if f.Layout != nil {
		minimum, maximum = f.Layout.Size()
	} else {
		_, minimum, maximum = f.Value()
		if f.Tag != 0 {
			minimum += tlv.HeaderLen(f.Tag, minimum)
			maximum += tlv.HeaderLen(f.Tag, maximum)
		}
	}
	if f.Presence == Optional {
		minimum = 0
	}
	return minimum, maximum
}

// WireTag is the tag that the field begins with, or 0 for raw bytes.
func (f Field) WireTag() Tag {
	if f.Layout != nil {
		return f.Layout.Tag
	}
	return f.Tag
}

// Text is what the field means.
func (f Field) Text() string {
	if f.Meaning != "" {
		return f.Meaning
	}
	if f.Layout != nil {
		return f.Layout.Meaning
	}
	row, _ := DataObject(f.Tag)
	return row.Meaning
}

// Content bounds the bytes between the template's header and its end.
func (l *Layout) Content() (minimum, maximum int) { return SizeOf(l.Fields) }

// Body bounds the whole template, header included: what is signed and hashed.
func (l *Layout) Body() (minimum, maximum int) {
	minimum, maximum = l.Content()
	return minimum + tlv.HeaderLen(l.Tag, minimum), maximum + tlv.HeaderLen(l.Tag, maximum)
}

// Size bounds template and signatures.
func (l *Layout) Size() (minimum, maximum int) {
	minimum, maximum = l.Body()
	signatures := len(l.Signers) * (SignatureLength + tlv.HeaderLen(TagSignature, SignatureLength))
	return minimum + signatures, maximum + signatures
}

// SizeOf bounds the bytes of fields one after the other.
func SizeOf(fields []Field) (minimum, maximum int) {
	for _, f := range fields {
		low, high := f.Size()
		minimum, maximum = minimum+low, maximum+high
	}
	return minimum, maximum
}
