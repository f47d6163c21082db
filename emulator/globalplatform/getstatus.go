package globalplatform

import (
	"bytes"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
)

// listing is what GET STATUS [get next occurrence(s)] goes on with.
type listing struct {
	p1      byte
	entries [][]byte
}

// maxListing is the most data of one answer, in bytes: with the padding and the
// longest R-MAC it fits a short response.
const maxListing = apdu.MaxShortNe - 16 - 16

// getStatus is GET STATUS (GPC §11.4): P2 chooses data objects, or the older form
// without tags.
func (c *Card) getStatus(command apdu.Command) ([]byte, error) {
	old := c.listing
	c.listing = nil
	if command.P2&^(gpc.StatusNext|gpc.StatusTLV) != 0 {
		return nil, apdu.SWWrongP1P2
	}
	if command.P2&gpc.StatusNext != 0 {
		if old == nil || old.p1 != command.P1 {
			return nil, apdu.SWConditions
		}
		return c.nextOf(old)
	}
	search, err := gpc.ParseSearch(command.Data)
	if err != nil {
		return nil, err
	}
	found, err := c.entries(command.P1, search.AID)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, apdu.SWNotFound
	}
	isLoadFile := command.P1 == gpc.StatusLoadFiles || command.P1 == gpc.StatusLoadFileModules
	list := &listing{p1: command.P1}
	for _, e := range found {
		var encoded []byte
		if command.P2&gpc.StatusTLV != 0 {
			encoded, err = e.Append(nil, !isLoadFile, search.Tags)
		} else {
			encoded = withoutTags(e, command.P1 == gpc.StatusLoadFileModules)
		}
		if err != nil {
			return nil, err
		}
		list.entries = append(list.entries, encoded)
	}
	return c.nextOf(list)
}

// nextOf gives as many entries as an answer takes, at least one.
func (c *Card) nextOf(list *listing) ([]byte, error) {
	data, n := list.entries[0], 1
	for n < len(list.entries) && len(data)+len(list.entries[n]) <= maxListing {
		data, n = append(data[:len(data):len(data)], list.entries[n]...), n+1
	}
	if n == len(list.entries) {
		return data, nil
	}
	c.listing = &listing{list.p1, list.entries[n:]}
	return data, apdu.SWMoreAvailable
}

// entries lists what P1 asks for and whose AID begins so. Of the issuer security
// domain the AID is not looked at.
func (c *Card) entries(p1 byte, prefix []byte) ([]gpc.Entry, error) {
	var found []gpc.Entry
	switch p1 {
	case gpc.StatusISD:
		return []gpc.Entry{{AID: c.state.aid, LifeCycle: c.state.life, Privileges: gpc.IssuerDomain,
			Domain: c.state.aid}}, nil
	case gpc.StatusApplications:
		for _, a := range c.card.Applets() {
			known := c.state.app(a.AID)
			found = append(found, gpc.Entry{
				AID: a.AID, LifeCycle: known.life, Privileges: known.privileges,
				LoadFile: a.Package, Domain: c.state.aid,
			})
		}
	case gpc.StatusLoadFiles, gpc.StatusLoadFileModules:
		for _, p := range c.card.Packages() {
			e := gpc.Entry{AID: p.AID, LifeCycle: gpc.Loaded, Version: []byte{p.Major, p.Minor},
				Domain: c.state.aid}
			if p1 == gpc.StatusLoadFileModules {
				for _, module := range p.Modules {
					e.Modules = append(e.Modules, module)
				}
			}
			found = append(found, e)
		}
	default:
		return nil, apdu.SWWrongP1P2
	}
	return deleteFunc(found, func(e gpc.Entry) bool { return !bytes.HasPrefix(e.AID, prefix) }), nil
}

// withoutTags is an entry in the form that GPC 2.3.1 deprecates and 2.1.1 §9.4.3.1
// describes: AID after its length, life cycle, first byte of the privileges, and
// the number of modules and each after its length.
func withoutTags(e gpc.Entry, modules bool) []byte {
	out := append([]byte{byte(len(e.AID))}, e.AID...)
	out = append(out, byte(e.LifeCycle), byte(e.Privileges>>16))
	if modules {
		out = append(out, byte(len(e.Modules)))
		for _, m := range e.Modules {
			out = append(append(out, byte(len(m))), m...)
		}
	}
	return out
}
