package card

import (
	"encoding/binary"
	"fmt"

	"ekrona/apdu/spec"
	"ekrona/apdu/tlv"
)

// objects collects the data objects of a command; the first error stays.
type objects struct {
	bytes []byte
	err   error
}

func (o *objects) add(tag spec.Tag, value []byte) *objects {
	if o.err == nil {
		o.bytes, o.err = tlv.Append(o.bytes, tlv.Tag(tag), value)
	}
	return o
}

func (o *objects) addCounter(tag spec.Tag, value uint32) *objects {
	return o.add(tag, binary.BigEndian.AppendUint32(nil, value))
}

// values reads a command's answer: exactly the data objects of these tags, in
// this order, with the lengths of the spec.
func values(v spec.Variant, answer []byte, tags ...spec.Tag) ([][]byte, error) {
	reader := tlv.NewReader(answer)
	found := make([][]byte, len(tags))
	for i, tag := range tags {
		object, err := reader.Expect(tlv.Tag(tag))
		if err != nil {
			return nil, answerError(v, err)
		}
		if row, known := spec.DataObject(tag); known && (len(object.Value) < row.Min || len(object.Value) > row.Max) {
			return nil, answerError(v, fmt.Errorf("%v has %d bytes", object.Tag, len(object.Value)))
		}
		found[i] = object.Value
	}
	if err := reader.End(); err != nil {
		return nil, answerError(v, err)
	}
	return found, nil
}

// variant finds a variant that the table must have.
func variant(command *spec.Command, name string) (spec.Variant, error) {
	v, found := command.Variant(name)
	if !found {
		return v, fmt.Errorf("card: the spec's %s has no variant %q", command.Name, name)
	}
	return v, nil
}
