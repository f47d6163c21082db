package conform

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"ekrona.example/apdu"
	"ekrona.example/apdu/tlv"
)

// The judges of checks: what is wrong with answers that were accepted one by one.

func noData(_ *Known, answers []Answer) string {
	if last := answers[len(answers)-1]; len(last.data()) > 0 {
		return fmt.Sprintf("%X brings %d bytes of data, and none were asked for", last.Sent,
			len(last.data()))
	}
	return ""
}

// neOf is the most data that a command asks for; false for bytes that are no command.
func neOf(sent []byte) (int, bool) {
	c, err := apdu.ParseCommand(sent)
	return c.Ne, err == nil
}

func withinNe(_ *Known, answers []Answer) string {
	last := answers[len(answers)-1]
	if ne, ok := neOf(last.Sent); ok && len(last.data()) > ne {
		return fmt.Sprintf("%X asks for at most %d bytes, and %d came", last.Sent, ne,
			len(last.data()))
	}
	return ""
}

// sameLength compares the first answer and the last: data may have a random part.
func sameLength(_ *Known, answers []Answer) string {
	first, last := answers[0], answers[len(answers)-1]
	if len(first.data()) != len(last.data()) || first.sw() != last.sw() {
		return fmt.Sprintf("%X brings %d bytes and %s, %X %d bytes and %s", first.Sent,
			len(first.data()), first.text(), last.Sent, len(last.data()), last.text())
	}
	return ""
}

func sameStatus(_ *Known, answers []Answer) string {
	for _, a := range answers[1:] {
		if a.sw() != answers[0].sw() {
			return fmt.Sprintf("%X is answered %s, and then %s", a.Sent, answers[0].text(),
				a.text())
		}
	}
	return ""
}

// The tags of control information (ISO/IEC 7816-4:2013 §7.4.3).
const (
	tagFCP  = 0x62
	tagFMD  = 0x64
	tagFCI  = 0x6F
	tagName = 0x84
)

// control reads the template of a SELECT's answer; nil for no data, and for the application's own.
func control(data []byte) (template tlv.Tag, content []byte, wrong string) {
	if len(data) == 0 || data[0] != tagFCP && data[0] != tagFMD && data[0] != tagFCI {
		return 0, nil, ""
	}
	nodes, err := tlv.Parse(data)
	if err != nil {
		return 0, nil, fmt.Sprintf("the data are not well formed: %v", err)
	}
	if len(nodes) != 1 {
		return 0, nil, fmt.Sprintf("%d objects stand side by side", len(nodes))
	}
	inner, err := tlv.NewReader(data).Next()
	if err != nil {
		return 0, nil, err.Error()
	}
	return inner.Tag, inner.Value, ""
}

func template(_ *Known, answers []Answer) string {
	last := answers[len(answers)-1]
	if !last.ok() || last.sw()>>8 == 0x61 {
		return ""
	}
	_, _, wrong := control(last.data())
	return wrong
}

// answerDecides is why what an application brings to SELECT is its own.
const answerDecides = "what SELECT brings is the application's own (" + gpc + "§11.9.3.1; a Java " +
	"Card's applet makes it in process)"

// ownData leaves to the application what it brings to SELECT in a form of its own.
func ownData(_ *Known, answers []Answer) string {
	last := answers[len(answers)-1]
	if found, _, wrong := control(last.data()); !last.ok() || wrong != "" || found != 0 ||
		len(last.data()) == 0 {
		return ""
	}
	return fmt.Sprintf("the data begin with %02X and are no template of control information: %s",
		last.data()[0], answerDecides)
}

// another leaves it to the application to bring another template than P2 asks for.
func another(wanted tlv.Tag) func(*Known, []Answer) string {
	return func(k *Known, answers []Answer) string {
		last := answers[len(answers)-1]
		found, _, wrong := control(last.data())
		if !last.ok() || wrong != "" || found == 0 || found == wanted {
			return ownData(k, answers)
		}
		return fmt.Sprintf("template %v comes where %v was asked for: %s", found, wanted,
			answerDecides)
	}
}

// nameless leaves it to the application to bring no name.
func nameless(k *Known, answers []Answer) string {
	last := answers[len(answers)-1]
	if why := ownData(k, answers); why != "" {
		return why
	}
	_, content, wrong := control(last.data())
	if wrong != "" || last.sw()>>8 == 0x61 {
		return ""
	}
	if _, err := nameIn(content); errors.Is(err, errNameless) {
		return "the answer to SELECT has no name: " + answerDecides
	}
	return ""
}

// nameIn finds the DF name in control information; nil if there is none.
func nameIn(content []byte) ([]byte, error) {
	for r := tlv.NewReader(content); !r.Empty(); {
		o, err := r.Next()
		if err != nil {
			return nil, err
		}
		if o.Tag == tagName {
			return o.Value, nil
		}
	}
	return nil, errNameless
}

var errNameless = errors.New("no name")

// namedAs is a judge of the name of what was selected.
func namedAs(a Answer, beginning []byte) string {
	if !a.ok() {
		return ""
	}
	_, content, wrong := control(a.data())
	if wrong != "" || content == nil {
		return wrong
	}
	name, err := nameIn(content)
	if err != nil { // the standard asks for a name where there is an FCP only
		return ""
	}
	if !bytes.HasPrefix(name, beginning) {
		return fmt.Sprintf("%X was asked for, and %X selected", beginning, name)
	}
	return ""
}

func named(k *Known, answers []Answer) string {
	return namedAs(answers[len(answers)-1], k.AID)
}

// namedEither accepts the name, or one that begins with its last byte: what a card takes a last
// part for that does not chain SELECT.
func namedEither(k *Known, answers []Answer) string {
	last := answers[len(answers)-1]
	if namedAs(last, k.AID[len(k.AID)-1:]) == "" {
		return ""
	}
	return namedAs(last, k.AID)
}

func namedPart(k *Known, answers []Answer) string {
	return namedAs(answers[len(answers)-1], k.AID[:len(k.AID)-1])
}

func ends(_ *Known, answers []Answer) string {
	if last := answers[len(answers)-1]; last.ok() {
		return fmt.Sprintf("after %d times the card still answers %s", len(answers), last.text())
	}
	return ""
}

func channelNumber(_ *Known, answers []Answer) string {
	last := answers[len(answers)-1]
	if !last.ok() {
		return ""
	}
	if len(last.data()) != 1 {
		return fmt.Sprintf("%d bytes come where the number of a channel is one", len(last.data()))
	}
	if n := last.data()[0]; n < 1 || n > 19 {
		return fmt.Sprintf("channel %d was opened; there are 1 to 19", n)
	}
	return ""
}

func differentNumbers(_ *Known, answers []Answer) string {
	var seen []byte
	for _, a := range answers {
		if !a.ok() || len(a.data()) != 1 {
			continue
		}
		if slices.Contains(seen, a.data()[0]) {
			return fmt.Sprintf("channel %d was opened twice", a.data()[0])
		}
		seen = append(seen, a.data()[0])
	}
	return ""
}

// announced compares 61xx with what GET RESPONSE brings.
func announced(_ *Known, answers []Answer) string {
	first, last := answers[0], answers[len(answers)-1]
	n := int(first.sw() & 0xFF)
	if n == 0 {
		n = apdu.MaxShortNe
	}
	if last.sw()>>8 == 0x6C { // and the length that it names
		if int(last.sw()&0xFF) != n&0xFF {
			return fmt.Sprintf("%s announces %d bytes, %s other ones", first.text(), n,
				last.text())
		}
		return ""
	}
	if len(last.data()) != n {
		return fmt.Sprintf("%s announces %d bytes, and GET RESPONSE brings %d", first.text(), n,
			len(last.data()))
	}
	return ""
}

// correctLe is a judge of 6Cxx: it names another Le than the one that was sent.
func correctLe(_ *Known, answers []Answer) string {
	last := answers[len(answers)-1]
	if ne, ok := neOf(last.Sent); ok && int(last.sw()&0xFF) == ne&0xFF {
		return fmt.Sprintf("%X is answered %s: the Le that it has", last.Sent, last.text())
	}
	return ""
}

func objectOf(wanted tlv.Tag) func(*Known, []Answer) string {
	return func(_ *Known, answers []Answer) string {
		last := answers[len(answers)-1]
		if last.sw() != apdu.OK || len(last.data()) == 0 {
			return ""
		}
		nodes, err := tlv.Parse(last.data())
		switch {
		case err != nil:
			return fmt.Sprintf("the data are not well formed: %v", err)
		case len(nodes) != 1 || nodes[0].Tag != wanted:
			return fmt.Sprintf("the data are not one object %v", wanted)
		}
		return ""
	}
}

func eightBytes(_ *Known, answers []Answer) string {
	last := answers[len(answers)-1]
	if last.sw() == apdu.OK && len(last.data()) > 8 {
		return fmt.Sprintf("%d bytes came where 8 were asked for", len(last.data()))
	}
	return ""
}

// shorter leaves to the application a challenge that is shorter than Le.
func shorter(_ *Known, answers []Answer) string {
	if n := len(answers[len(answers)-1].data()); n < 8 {
		return fmt.Sprintf("%d bytes came: Le is the most that is expected (%s)", n, lengths)
	}
	return ""
}

// fresh compares the first answer and the last, if both are a challenge.
func fresh(_ *Known, answers []Answer) string {
	first, last := answers[0], answers[len(answers)-1]
	if last.sw() == apdu.OK && len(first.data()) > 0 && bytes.Equal(first.data(), last.data()) {
		return fmt.Sprintf("%X came twice", last.data())
	}
	return ""
}

// echo finds the data of a chain's first part in what another command brings.
func echo(_ *Known, answers []Answer) string {
	first, last := answers[0], answers[len(answers)-1]
	if sent, err := apdu.ParseCommand(first.Sent); err == nil && len(sent.Data) > 0 &&
		bytes.Contains(last.data(), sent.Data) {
		return fmt.Sprintf("%X brings the data of the chain before it", last.Sent)
	}
	return ""
}

// notNamed finds the name of the application in what comes.
func notNamed(k *Known, answers []Answer) string {
	last := answers[len(answers)-1]
	if _, content, wrong := control(last.data()); wrong == "" && content != nil {
		if name, err := nameIn(content); err == nil && bytes.Equal(name, k.AID) {
			return fmt.Sprintf("%X brings what SELECT brings", last.Sent)
		}
	}
	return ""
}
