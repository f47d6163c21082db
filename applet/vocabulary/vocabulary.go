// Package vocabulary is what the e-krona applet calls its commands, data objects and
// status words, for the decoder of package apdu/trace: amounts in kronor, days, roles. It
// is made from package apdu/spec and knows no command itself.
//
// Start at [Decoder], which knows the applet, security domains and what every card has.
package vocabulary

import (
	"fmt"
	"sync"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/trace"
)

// Decoder decodes the exchanges with a card that has the applet, or is to get it.
func Decoder() trace.Decoder { return trace.New(Vocabulary()) }

// Vocabulary is the applet's.
func Vocabulary() trace.Vocabulary { return made() }

// made makes the vocabulary once; it is never written after.
var made = sync.OnceValue(func() trace.Vocabulary {
	v := trace.Vocabulary{AIDs: [][]byte{[]byte(spec.AppletAID)}, Status: status}
	for _, c := range spec.Commands {
		for _, row := range c.Variants {
			v.Forms = append(v.Forms, trace.Form{
				Name: row.Title(), Clause: c.Clause, CLA: c.CLA, INS: c.INS, P1: row.P1, P2: row.P2,
				Numbered: row.AnyP1,
				In:       fields(row.In), Out: fields(row.Out), NoData: row.NoData,
			})
		}
	}
	// What is under secure messaging has the same header; data and answer are enciphered.
	for _, c := range spec.Commands {
		if !c.IsSecured() {
			continue
		}
		for _, row := range c.Variants {
			v.Forms = append(v.Forms, trace.Form{
				Name: row.Title() + ", secured", Clause: "TR-03110-3 appendix F",
				CLA: c.CLA | spec.ClassSecured, INS: c.INS, P1: row.P1, P2: row.P2,
				Numbered: row.AnyP1,
				In:       fields(spec.SecuredCommand), Out: fields(spec.SecuredAnswer),
			})
		}
	}
	return v
})

// status names a status word of the spec.
func status(sw apdu.StatusWord) (name, meaning string, known bool) {
	row, known := spec.Status(sw)
	if !known || sw == apdu.OK {
		return row.Name, "", known
	}
	return row.Name, spec.StatusMeaning(sw), true
}

func fields(rows []spec.Field) []trace.Field {
	var out []trace.Field
	for _, row := range rows {
		out = append(out, field(row))
	}
	return out
}

func field(row spec.Field) trace.Field {
	kind, _, _ := row.Value()
	f := trace.Field{
		Name:     row.Name,
		Tag:      row.WireTag(),
		Optional: row.Presence == spec.Optional,
		Meaning:  row.Text(),
	}
	if object, known := spec.DataObject(f.Tag); known {
		f.Clause = object.Source
	}
	switch {
	case row.Layout != nil:
		f.Template, f.Fields = true, fields(row.Layout.Fields)
		for _, signer := range row.Layout.Signers {
			signature := field(spec.Field{Tag: spec.TagSignature})
			signature.Name = "signed by " + signer
			f.After = append(f.After, signature)
		}
		return f
	case f.Tag == 0 && row.Min == row.Max:
		f.Length = row.Max
	}
	f.Secret = kind == spec.KindSecret
	f.Text = func(value []byte) string { return text(kind, value) }
	for _, part := range partsOf(kind) {
		partKind := part.Kind
		f.Parts = append(f.Parts, trace.Field{
			Name: part.Name, Length: part.Length,
			Text: func(value []byte) string { return text(partKind, value) },
		})
	}
	return f
}

// partsOf gives the layout of values without tags.
func partsOf(kind spec.Kind) []spec.Part {
	switch kind {
	case spec.KindPolicy:
		return spec.PolicyLayout
	case spec.KindCeilings:
		return spec.CeilingsLayout
	case spec.KindOpenRequests:
		return spec.OpenRequestLayout
	case spec.KindOrderRows:
		return spec.OrderRowLayout
	}
	return nil
}

func hexByte(b byte) string { return fmt.Sprintf("%02X", b) }
