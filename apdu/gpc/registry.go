package gpc

import (
	"bytes"
	"fmt"

	"ekrona.example/apdu/tlv"
)

// Entry is one E3 of GET STATUS: an application, security domain or load file (GPC
// tables 11-36, 11-37).
type Entry struct {
	AID        []byte
	LifeCycle  LifeCycle
	Privileges Privileges // not of load files
	LoadFile   []byte     // of an application: AID; may be unknown
	Domain     []byte     // AID of the security domain it belongs to; may be unknown
	Version    []byte     // of a load file: major, minor; may be unknown
	Modules    [][]byte   // of a load file, if they were asked for
}

// Append writes the entry; withPrivileges for all but load files. Of the data
// objects only those of the tag list go out, all of them if it is nil.
func (e Entry) Append(out []byte, withPrivileges bool, list []tlv.Tag) ([]byte, error) {
	var content []byte
	var err error
	put := func(t tlv.Tag, value []byte) {
		if err == nil && (list == nil || contains(list, t)) {
			content, err = tlv.Append(content, t, value)
		}
	}
	put(TagAID, e.AID)
	put(TagLifeCycle, []byte{byte(e.LifeCycle)})
	if withPrivileges {
		put(TagPrivileges, e.Privileges.Bytes())
	}
	if e.LoadFile != nil {
		put(TagLoadFileOf, e.LoadFile)
	}
	if e.Version != nil {
		put(TagVersion, e.Version)
	}
	for _, module := range e.Modules {
		put(TagModule, module)
	}
	if e.Domain != nil {
		put(TagDomain, e.Domain)
	}
	if err != nil {
		return nil, err
	}
	return tlv.Append(out, TagStatus, content)
}

func contains(list []tlv.Tag, t tlv.Tag) bool {
	for _, l := range list {
		if l == t {
			return true
		}
	}
	return false
}

// ParseEntries reads the E3 of one or more GET STATUS answers, joined. Unknown data
// objects are ignored.
func ParseEntries(b []byte) ([]Entry, error) {
	var entries []Entry
	for r := tlv.NewReader(b); !r.Empty(); {
		template, err := r.Expect(TagStatus)
		if err != nil {
			return nil, fmt.Errorf("%w: GET STATUS: %w", ErrMalformed, err)
		}
		e, err := parseEntry(template.Value)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func parseEntry(b []byte) (Entry, error) {
	var e Entry
	seen := map[tlv.Tag]bool{}
	for r := tlv.NewReader(b); !r.Empty(); {
		object, err := r.Next()
		if err != nil {
			return Entry{}, fmt.Errorf("%w: GET STATUS: %w", ErrMalformed, err)
		}
		if seen[object.Tag] && object.Tag != TagModule && object.Tag != TagImplicit {
			return Entry{}, fmt.Errorf("%w: GET STATUS: an entry has %v twice", ErrMalformed,
				object.Tag)
		}
		seen[object.Tag] = true
		switch object.Tag {
		case TagAID:
			e.AID = object.Value
		case TagLifeCycle: // cards of older versions give two bytes, of which the first counts
			if len(object.Value) == 0 {
				return Entry{}, fmt.Errorf("%w: GET STATUS: an entry has an empty life cycle",
					ErrMalformed)
			}
			e.LifeCycle = LifeCycle(object.Value[0])
		case TagPrivileges:
			if e.Privileges, err = parsePrivileges(object.Value); err != nil {
				return Entry{}, err
			}
		case TagLoadFileOf:
			e.LoadFile = object.Value
		case TagDomain:
			e.Domain = object.Value
		case TagVersion:
			e.Version = object.Value
		case TagModule:
			e.Modules = append(e.Modules, object.Value)
		}
	}
	if !validAID(e.AID) {
		return Entry{}, fmt.Errorf("%w: GET STATUS: an entry without a valid AID", ErrMalformed)
	}
	return e, nil
}

// Search is the data of GET STATUS (GPC table 11-35).
type Search struct {
	AID  []byte    // what the AID begins with; empty for all
	Tags []tlv.Tag // data objects wanted; nil for the usual ones
}

// Encode is the data field.
func (s Search) Encode() ([]byte, error) {
	out, err := tlv.Append(nil, TagAID, s.AID)
	if err != nil || s.Tags == nil {
		return out, err
	}
	var list []byte
	for _, t := range s.Tags {
		for i := t.Len() - 1; i >= 0; i-- {
			list = append(list, byte(t>>(8*i)))
		}
	}
	return tlv.Append(out, TagTagList, list)
}

// ParseSearch reads the data field; other search criteria are ignored (GPC §11.4.2.3).
func ParseSearch(b []byte) (Search, error) {
	r := tlv.NewReader(b)
	aid, err := r.Expect(TagAID)
	if err != nil {
		return Search{}, fmt.Errorf("%w: GET STATUS: %w", ErrMalformed, err)
	}
	if len(aid.Value) > MaxAIDLength {
		return Search{}, fmt.Errorf("%w: GET STATUS: an AID of %d bytes", ErrMalformed,
			len(aid.Value))
	}
	s := Search{AID: aid.Value}
	for !r.Empty() {
		object, err := r.Next()
		if err != nil {
			return Search{}, fmt.Errorf("%w: GET STATUS: %w", ErrMalformed, err)
		}
		if object.Tag == TagTagList {
			if s.Tags, err = parseTagList(object.Value); err != nil {
				return Search{}, err
			}
		}
	}
	return s, nil
}

// parseTagList reads tags one after the other. To the reader of data objects each
// is one without content, once a length of zero is put behind it.
func parseTagList(b []byte) ([]tlv.Tag, error) {
	tags := []tlv.Tag{}
	for len(b) > 0 {
		n := tlv.TagLen(b)
		if n > len(b) {
			return nil, fmt.Errorf("%w: the tag list is cut short", ErrMalformed)
		}
		object, err := tlv.NewReader(append(bytes.Clone(b[:n]), 0)).Next()
		if err != nil {
			return nil, fmt.Errorf("%w: tag list: %w", ErrMalformed, err)
		}
		tags = append(tags, object.Tag)
		b = b[n:]
	}
	return tags, nil
}
