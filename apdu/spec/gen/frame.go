package main

import (
	"bytes"
	"fmt"
	"strings"

	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// framed are the layouts that the card reads. Its strict reader compares what
// comes with the layout's frame: in a loop over the frame, or for what a tap at a terminal waits
// for by straight code, which takes a card a third of the time.
var framed = []struct {
	name   string
	layout *spec.Layout // or
	fields []spec.Field
	only   []string // optional fields that come each by itself too
	test   string   // method of straight code; none if empty
}{
	{name: "REQUEST", layout: spec.Request, only: []string{"DATE", "PAYER"}, test: "isRequest"},
	{name: "PAYMENT", layout: spec.Payment, only: []string{"PAYER"}},
	{name: "CHALLENGE", layout: spec.Challenge},
	{name: "INSTRUCTION", layout: spec.Instruction},
	{name: "CRISIS_ORDER", fields: toRows(spec.CrisisOrder.Fields)},
	{name: "AUTHORITY_CERTIFICATE", layout: spec.AuthorityCertificate,
		test: "isAuthorityCertificate"},
	{name: "DEVICE_CERTIFICATE", layout: spec.DeviceCertificate, test: "isDeviceCertificate"},
	{name: "INSTALL", fields: spec.InstallData},
	{name: "PIN_LOAD", fields: spec.PINLoad},
	{name: "BATCH_LOAD", fields: spec.BatchLoad},
	{name: "PAY_PIN", fields: spec.PayPIN, test: "isPayPin"},
	{name: "ENCIPHERED_PIN", fields: spec.EncipheredPIN},
	{name: "ENCIPHERED_PINS", fields: spec.EncipheredPINs},
	{name: "REQUEST_DATA", fields: spec.RequestPayment.Only().In},
	{name: "REFUSE_DATA", fields: spec.Refuse.Only().In},
	{name: "MUTUAL_AUTHENTICATE_DATA", fields: spec.MutualAuthenticate.Only().In},
}

// toRows are the fields before the last: those of a crisis order that have a fixed place.
func toRows(fields []spec.Field) []spec.Field { return fields[:len(fields)-1] }

// commandData are the data of commands whose parts have offsets, beside the
// layouts and sequences.
var commandData = []struct {
	name    string
	command *spec.Command
}{
	{"REQUEST_DATA", spec.RequestPayment},
	{"REFUSE_DATA", spec.Refuse},
	{"MUTUAL_AUTHENTICATE_DATA", spec.MutualAuthenticate},
}

// frame collects the frame of a layout: pairs of a run of bytes that must stand
// there, led by its length, and the number of bytes up to the next run: those of the
// run and those after it that vary. A run of length 0 ends it.
type frame struct {
	with   func(name string) bool // whether the optional field is there
	out    bytes.Buffer
	fixed  []byte // the run at hand
	varied int    // the bytes that vary behind it
}

func (f *frame) fix(b ...byte) {
	if f.varied > 0 {
		f.flush()
	}
	f.fixed = append(f.fixed, b...)
}

func (f *frame) vary(n int) { f.varied += n }

func (f *frame) flush() {
	f.out.WriteByte(byte(len(f.fixed)))
	f.out.Write(f.fixed)
	f.out.WriteByte(byte(len(f.fixed) + f.varied))
	f.fixed, f.varied = nil, 0
}

func (f *frame) end() string {
	if len(f.fixed)+f.varied > 0 {
		f.flush()
	}
	f.out.WriteByte(0)
	return f.out.String()
}

// header fixes tag and length. Tags of the table and lengths under a layout's
// bounds are never refused.
func (f *frame) header(t spec.Tag, length int) {
	object, _ := tlv.Append(nil, t, make([]byte, length))
	f.fix(object[:len(object)-length]...)
}

// has reports whether the field is there in this variant.
func (f *frame) has(field spec.Field) bool {
	return field.Presence != spec.Optional || f.with(field.Name)
}

// content is the length of a layout's content in this variant.
func (f *frame) content(l *spec.Layout) (n int) {
	for _, field := range l.Fields {
		switch _, high := field.Size(); {
		case !f.has(field):
		case field.Layout != nil:
			content := f.content(field.Layout)
			n += tlv.HeaderLen(field.Layout.Tag, content) + content + len(field.Layout.Signers)*
				(spec.SignatureLength+tlv.HeaderLen(spec.TagSignature, spec.SignatureLength))
		default:
			n += high
		}
	}
	return n
}

func (f *frame) layout(l *spec.Layout) {
	f.header(l.Tag, f.content(l))
	f.fields(l.Fields)
	for range l.Signers {
		f.header(spec.TagSignature, spec.SignatureLength)
		f.vary(spec.SignatureLength)
	}
}

func (f *frame) fields(fields []spec.Field) {
	for _, field := range fields {
		switch _, _, length := field.Value(); {
		case !f.has(field):
		case field.Layout != nil:
			f.layout(field.Layout)
		default:
			f.header(field.Tag, length)
			if value, ok := constantValue(field); ok {
				f.fix(value...)
			} else {
				f.vary(length)
			}
		}
	}
}

// constantValue is the value of a field that has only one.
func constantValue(field spec.Field) ([]byte, bool) {
	switch {
	case field.Tag == spec.TagVersion:
		return []byte{spec.MessageVersion, spec.AlgorithmECDSAP256SHA256}, true
	case field.Tag == spec.TagProfile:
		return []byte{spec.CertificateProfile}, true
	case field.Name == "ALGORITHM":
		return []byte(spec.OIDECDSASHA256), true
	case field.Name == "ROLE_ID":
		return []byte(spec.OIDRole), true
	}
	return nil, false
}

// frames writes the frames, one for a layout of one length, else the shortest, those with
// one optional field, and the longest.
func (j *javaFile) frames() {
	for _, d := range commandData {
		j.section("%s: data of %s", d.name, d.command.Name)
		minimum, maximum := spec.SizeOf(d.command.Only().In)
		j.bounds(d.name, minimum, maximum, "the data")
		j.offsets(d.name, d.command.Only().In, 0)
	}
	j.section("Frames: the length of a run of fixed bytes, the run, and the number of bytes up " +
		"to the next run; and so on, up to a run of length 0")
	for _, row := range framed {
		one := func(with func(string) bool) string {
			f := &frame{with: with}
			if row.layout != nil {
				f.layout(row.layout)
			} else {
				f.fields(row.fields)
			}
			return f.end()
		}
		shortest := one(func(string) bool { return false })
		longest := one(func(string) bool { return true })
		if shortest == longest {
			j.bytes(row.name+"_FRAME", shortest, "frame of "+row.name)
			j.test(row.test, "", row.name+"_FRAME", shortest)
			continue
		}
		j.bytes(row.name+"_FRAME_MIN", shortest, "frame of "+row.name+" without optional fields")
		j.test(row.test, "Min", row.name+"_FRAME_MIN", shortest)
		for _, name := range row.only {
			alone := one(func(n string) bool { return n == name })
			j.bytes(row.name+"_FRAME_"+name, alone, "frame of "+row.name+" with "+name+" alone")
			j.test(row.test, "With"+name[:1]+strings.ToLower(name[1:]), row.name+"_FRAME_"+name,
				alone)
		}
		j.bytes(row.name+"_FRAME_MAX", longest, "frame of "+row.name+" with its optional fields")
		j.test(row.test, "Max", row.name+"_FRAME_MAX", longest)
	}
}

// test writes the straight code that compares with a frame, if the row has a name for it.
func (j *javaFile) test(name, variant, frame, content string) {
	if name == "" {
		return
	}
	j.comment("Reports whether the fixed bytes of " + frame + " are at offset at; the caller " +
		"knows that there are as many bytes.")
	fmt.Fprintf(j, "    static boolean %s(byte[] b, short at) {\n", name+variant)
	before, offset := "return ", 0
	for i := 0; content[i] != 0; {
		run, at := int(content[i]), "at"
		if offset > 0 {
			at = fmt.Sprintf("(short) (at + %d)", offset)
		}
		fmt.Fprintf(j, "        %sUtil.arrayCompare(b, %s, %s,\n"+
			"                        (short) %d, (short) %d) == 0", before, at, frame, i+1, run)
		i += 1 + run
		offset += int(content[i])
		i++
		before = "        && "
		if content[i] != 0 {
			j.WriteByte('\n')
		}
	}
	j.WriteString(";\n    }\n")
}
