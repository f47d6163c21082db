package globalplatform

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"ekrona.example/apdu"
	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/apdu/tlv"
	"ekrona.example/emulator/card"
)

// domainAID is the AID of the issuer security domain of a blank card.
var domainAID = []byte{0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00}

// maxTries is how many wrong keys in a row block a key set.
const maxTries = 10

// state is the record that outlives power.
type state struct {
	life     gpc.LifeCycle // of the card and so of the issuer security domain
	aid      []byte        // of the issuer security domain
	identity [10]byte      // key diversification data; serial number in the CPLC
	keys     []key
	sets     []keySet // one for each version in keys
	apps     []app    // what differs from an applet that was installed and made selectable
	objects  []object // by STORE DATA
	services []service
}

type key struct {
	id, version byte
	value       []byte
}

// keySet is what is counted for the keys of one version.
type keySet struct {
	version  byte
	tries    byte   // wrong keys that it still takes
	sequence uint32 // sessions so far (Amd D §6.2.2.1), 24 bits
}

type app struct {
	aid        card.AID
	life       gpc.LifeCycle
	privileges gpc.Privileges
}

func (a app) selectable() bool { return a.life&gpc.LockedBit == 0 && a.life != gpc.Installed }

// service is a unique service name that an applet has registered (GPC §8.1.3).
type service struct {
	name   uint16
	applet card.AID
}

type object struct {
	tag   tlv.Tag
	value []byte
}

// blank is the state of an unused card.
func blank(keys scp03.Keys, random io.Reader) (state, error) {
	if err := keys.Check(); err != nil {
		return state{}, err
	}
	s := state{life: gpc.OPReady, aid: domainAID}
	if err := entropy.Fill(random, s.identity[:]); err != nil {
		return state{}, fmt.Errorf("globalplatform: %w", err)
	}
	for i, value := range keys.List() {
		s.keys = append(s.keys, key{gpc.FirstKeyID + byte(i), gpc.InitialKeySet, value})
	}
	s.sets = []keySet{{version: gpc.InitialKeySet, tries: maxTries}}
	return s, nil
}

// keySetOf returns the keys of a version, false unless ENC, MAC and DEK are all
// there and of one length (Amd D §6.1). Version 0 stands for the first such set.
func (s *state) keySetOf(version byte) (*keySet, scp03.Keys, bool) {
	for i := range s.sets {
		set := &s.sets[i]
		if version != gpc.DefaultKeyFirst && set.version != version {
			continue
		}
		var keys scp03.Keys
		for j, value := range []*[]byte{&keys.ENC, &keys.MAC, &keys.DEK} {
			if k := s.key(gpc.FirstKeyID+byte(j), set.version); k != nil {
				*value = k.value
			}
		}
		if keys.Check() == nil {
			return set, keys, true
		}
	}
	return nil, scp03.Keys{}, false
}

func (s *state) key(id, version byte) *key {
	for i := range s.keys {
		if s.keys[i].id == id && s.keys[i].version == version {
			return &s.keys[i]
		}
	}
	return nil
}

// tidySets keeps exactly one set for each version that has keys, the newest last.
func (s *state) tidySets() {
	used := map[byte]bool{}
	for _, k := range s.keys {
		used[k.version] = true
	}
	s.sets = deleteFunc(s.sets, func(set keySet) bool { return !used[set.version] })
	for _, set := range s.sets {
		delete(used, set.version)
	}
	for _, k := range s.keys {
		if used[k.version] {
			s.sets = append(s.sets, keySet{version: k.version, tries: maxTries})
			delete(used, k.version)
		}
	}
}

// app is what is recorded of an applet on the card.
func (s *state) app(aid []byte) app {
	for _, a := range s.apps {
		if string(a.aid) == string(aid) {
			return a
		}
	}
	return app{aid: aid, life: gpc.Selectable}
}

// setApp records an applet, after all others.
func (s *state) setApp(changed app) {
	s.dropApp(changed.aid)
	if changed.life != gpc.Selectable || changed.privileges != 0 {
		s.apps = append(s.apps, changed)
	}
}

// oneDefault leaves the privilege of the default applet to the one that got it last.
func (s *state) oneDefault() {
	found := false
	for i := len(s.apps) - 1; i >= 0; i-- {
		if found {
			s.apps[i].privileges &^= gpc.PrivilegeCardReset
		}
		found = found || s.apps[i].privileges&gpc.PrivilegeCardReset != 0
	}
}

func (s *state) dropApp(aid []byte) {
	s.apps = deleteFunc(s.apps, func(a app) bool { return string(a.aid) == string(aid) })
}

// dropServices removes the services of a deleted applet.
func (s *state) dropServices(aid []byte) {
	s.services = deleteFunc(s.services,
		func(v service) bool { return string(v.applet) == string(aid) })
}

func (s *state) object(t tlv.Tag) ([]byte, bool) {
	for _, o := range s.objects {
		if o.tag == t {
			return o.value, true
		}
	}
	return nil, false
}

func (s *state) setObject(t tlv.Tag, value []byte) {
	s.objects = append(deleteFunc(s.objects, func(o object) bool { return o.tag == t }),
		object{t, value})
}

// deleteFunc is slices.DeleteFunc into a new slice, so that a copy of the state
// does not share it.
func deleteFunc[E any](list []E, drop func(E) bool) []E {
	var kept []E
	for _, e := range list {
		if !drop(e) {
			kept = append(kept, e)
		}
	}
	return kept
}

// The record is data objects of the manager's own.
const (
	recordFormat            = 1
	tagRecordFormat tlv.Tag = 0x80
	tagRecordID     tlv.Tag = 0x81
	tagRecordLife   tlv.Tag = 0x82
	tagRecordDomain tlv.Tag = 0x83
	tagRecordKey    tlv.Tag = 0x84 // id, version, value
	tagRecordKeySet tlv.Tag = 0x85 // version, tries, sequence (3)
	tagRecordApp    tlv.Tag = 0x86 // life cycle, privileges (3), AID
	tagRecordObject tlv.Tag = 0x87 // tag (4), value

	tagRecordService tlv.Tag = 0x88 // name (2), AID
)

func (s *state) encode() ([]byte, error) {
	var out []byte
	var err error
	put := func(t tlv.Tag, parts ...[]byte) {
		if err == nil {
			out, err = tlv.Append(out, t, parts...)
		}
	}
	put(tagRecordFormat, []byte{recordFormat})
	put(tagRecordID, s.identity[:])
	put(tagRecordLife, []byte{byte(s.life)})
	put(tagRecordDomain, s.aid)
	for _, k := range s.keys {
		put(tagRecordKey, []byte{k.id, k.version}, k.value)
	}
	for _, set := range s.sets {
		put(tagRecordKeySet, []byte{set.version, set.tries, byte(set.sequence >> 16),
			byte(set.sequence >> 8), byte(set.sequence)})
	}
	for _, a := range s.apps {
		put(tagRecordApp, []byte{byte(a.life)}, a.privileges.Bytes(), a.aid)
	}
	for _, o := range s.objects {
		put(tagRecordObject, binary.BigEndian.AppendUint32(nil, uint32(o.tag)), o.value)
	}
	for _, v := range s.services {
		put(tagRecordService, binary.BigEndian.AppendUint16(nil, v.name), v.applet)
	}
	return out, err
}

var errRecord = errors.New("globalplatform: the card manager's record is malformed, or of " +
	"another version of this program; issue the card anew")

func parseState(record []byte) (state, error) {
	r := tlv.NewReader(record)
	format, err := r.Expect(tagRecordFormat)
	if err != nil || len(format.Value) != 1 || format.Value[0] != recordFormat {
		return state{}, errRecord
	}
	var s state
	for !r.Empty() {
		o, err := r.Next()
		if err != nil || !s.take(o.Tag, o.Value) {
			return state{}, errRecord
		}
	}
	if len(s.aid) < gpc.MinAIDLength || len(s.aid) > gpc.MaxAIDLength {
		return state{}, errRecord
	}
	return s, nil
}

func (s *state) take(t tlv.Tag, v []byte) bool {
	n := len(v)
	switch {
	case t == tagRecordID && n == len(s.identity):
		s.identity = [10]byte(v)
	case t == tagRecordLife && n == 1:
		s.life = gpc.LifeCycle(v[0])
	case t == tagRecordDomain:
		s.aid = v
	case t == tagRecordKey && n > 2:
		s.keys = append(s.keys, key{v[0], v[1], v[2:]})
	case t == tagRecordKeySet && n == 5:
		s.sets = append(s.sets,
			keySet{v[0], v[1], uint32(v[2])<<16 | uint32(v[3])<<8 | uint32(v[4])})
	case t == tagRecordApp && n > 4:
		privileges := gpc.Privileges(v[1])<<16 | gpc.Privileges(v[2])<<8 | gpc.Privileges(v[3])
		s.apps = append(s.apps, app{v[4:], gpc.LifeCycle(v[0]), privileges})
	case t == tagRecordObject && n >= 4:
		s.objects = append(s.objects, object{tlv.Tag(binary.BigEndian.Uint32(v)), v[4:]})
	case t == tagRecordService && n > 2:
		s.services = append(s.services, service{binary.BigEndian.Uint16(v), v[2:]})
	default:
		return false
	}
	return true
}

// update changes the record: on the card first, and then here. A record that grows
// over its memory is refused with SWNoMemory.
func (c *Card) update(change func(*state)) error {
	encoded, err := c.state.encode()
	if err != nil {
		return err
	}
	changed, err := parseState(encoded)
	if err != nil {
		return err
	}
	change(&changed)
	if encoded, err = changed.encode(); err != nil {
		return err
	}
	if len(encoded) > card.MaxRecord {
		return apdu.SWNoMemory
	}
	if c.caller != nil {
		c.card.ChangeRecord(c.caller, encoded)
	} else if err := c.act(func() error { return c.card.SetRecord(encoded) }); err != nil {
		return err
	}
	c.state = changed
	return nil
}
