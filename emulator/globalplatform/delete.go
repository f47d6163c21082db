package globalplatform

import (
	"bytes"
	"errors"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/tlv"
	"ekrona.example/emulator/card"
)

// delete is DELETE (GPC §11.2): an applet, a load file, a load file with its
// applets, or keys.
func (c *Card) delete(command apdu.Command) ([]byte, error) {
	if command.P1 != 0 || command.P2&^gpc.DeleteRelated != 0 {
		return nil, apdu.SWWrongP1P2
	}
	r := tlv.NewReader(command.Data)
	if r.At(gpc.TagAID) {
		object, err := r.Next()
		if err != nil || r.End() != nil { // tokens and what belongs to them are refused too
			return nil, apdu.SWWrongData
		}
		err = c.deleteContent(object.Value, command.P2 == gpc.DeleteRelated)
		if err != nil {
			return nil, err
		}
		return nothingMore, nil
	}
	if err := c.deleteKeys(r); err != nil {
		return nil, err
	}
	return nothingMore, nil
}

// deleteContent deletes by AID. Applets go before their load file; a cut in between
// leaves the load file with fewer of them, and the command can be given again.
func (c *Card) deleteContent(aid []byte, related bool) error {
	switch {
	case c.isDomain(aid):
		return apdu.SWConditions
	case c.hasApplet(aid):
		return c.deleteOne(aid)
	case !c.hasLoadFile(aid):
		return apdu.SWNotFound
	}
	for _, a := range c.card.Applets() {
		if !bytes.Equal(a.Package, aid) {
			continue
		}
		if !related {
			return apdu.SWConditions
		}
		if err := c.deleteOne(a.AID); err != nil {
			return err
		}
	}
	return c.deleteOne(aid)
}

// deleteOne deletes on the card and then in the registry, where an entry without
// its applet means nothing. What something else still needs is refused.
func (c *Card) deleteOne(aid []byte) error {
	err := c.act(func() error { return c.card.Delete(aid) })
	if errors.Is(err, card.ErrRefused) {
		return apdu.SWConditions
	}
	if err != nil {
		return err
	}
	if known := c.state.app(aid); known.life == gpc.Selectable && known.privileges == 0 {
		return nil // nothing is recorded
	}
	return c.update(func(s *state) {
		s.dropApp(aid)
		s.dropServices(aid)
	})
}

// deleteKeys deletes the keys of an identifier, a version or both (GPC table 11-24). A
// complete key set must be left, or the card could no longer be managed.
func (c *Card) deleteKeys(r *tlv.Reader) error {
	id, byID, err := optionalByte(r, gpc.TagKeyID)
	if err != nil {
		return err
	}
	version, byVersion, err := optionalByte(r, gpc.TagKeyVersion)
	if err != nil {
		return err
	}
	if r.End() != nil || !byID && !byVersion {
		return apdu.SWWrongData
	}
	left := c.state
	left.keys = deleteFunc(c.state.keys, func(k key) bool {
		return (!byID || k.id == id) && (!byVersion || k.version == version)
	})
	if len(left.keys) == len(c.state.keys) {
		return apdu.SWNotFound
	}
	if _, _, ok := left.keySetOf(gpc.DefaultKeyFirst); !ok {
		return apdu.SWConditions
	}
	return c.update(func(s *state) {
		s.keys = left.keys
		s.tidySets()
	})
}

func optionalByte(r *tlv.Reader, t tlv.Tag) (value byte, present bool, err error) {
	if !r.At(t) {
		return 0, false, nil
	}
	o, err := r.Next()
	if err != nil || len(o.Value) != 1 {
		return 0, false, apdu.SWWrongData
	}
	return o.Value[0], true, nil
}
