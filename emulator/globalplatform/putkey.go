package globalplatform

import (
	"crypto/subtle"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
)

// putKey is PUT KEY for AES keys (GPC §11.8, Amd D §7.2). All keys of the command
// change together. P1 names the version to replace, or 0 to add.
func (c *Card) putKey(command apdu.Command) ([]byte, error) {
	p, err := gpc.ParsePutKey(command.Data)
	if err != nil {
		return nil, err
	}
	first := command.P2 & gpc.KeyNumberMask
	if several := command.P2&gpc.PutKeySeveral != 0; !several && len(p.Keys) != 1 ||
		int(first)+len(p.Keys) > gpc.KeyNumberMask+1 {
		return nil, apdu.SWWrongData
	}
	answer := []byte{p.Version}
	var keys []key
	for i, n := range p.Keys {
		value, err := scp03.DecryptKey(c.session.dek, n.Enciphered)
		if err != nil {
			return nil, err
		}
		value = value[:n.Length]
		check, err := scp03.CheckValue(value)
		if err != nil {
			return nil, err
		}
		if len(n.Check) > 0 && subtle.ConstantTimeCompare(check[:], n.Check) != 1 {
			return nil, apdu.SWWrongData
		}
		answer = append(answer, n.Check...)
		keys = append(keys, key{first + byte(i), p.Version, value})
	}
	replaced := command.P1
	if err := c.mayPut(keys, replaced); err != nil {
		return nil, err
	}
	return answer, c.update(func(s *state) { s.put(keys, replaced) })
}

// mayPut checks the processing rules of GPC §11.8.2.3.3: a replaced key is there
// and of the same length, an added one is not there.
func (c *Card) mayPut(keys []key, replaced byte) error {
	for _, k := range keys {
		if replaced != 0 {
			old := c.state.key(k.id, replaced)
			if old == nil {
				return apdu.SWNotFound
			}
			if len(old.value) != len(k.value) {
				return apdu.SWWrongData
			}
		}
		if k.version != replaced && c.state.key(k.id, k.version) != nil {
			return apdu.SWWrongData
		}
	}
	return nil
}

// put changes the keys. A whole set counts its sessions anew (Amd D §6.2.2.1), and
// the first one that is added takes the place of a blank card's initial keys.
func (s *state) put(keys []key, replaced byte) {
	version := keys[0].version
	for _, k := range keys {
		drop := k.version
		if replaced != 0 {
			drop = replaced
		}
		s.keys = deleteFunc(s.keys,
			func(old key) bool { return old.id == k.id && old.version == drop })
		s.keys = append(s.keys, k)
	}
	if len(keys) >= gpc.KeysOfSet {
		s.sets = deleteFunc(s.sets, func(set keySet) bool { return set.version == version })
	}
	s.tidySets()
	if _, _, complete := s.keySetOf(version); complete && version != gpc.InitialKeySet {
		s.keys = deleteFunc(s.keys, func(k key) bool { return k.version == gpc.InitialKeySet })
		s.tidySets()
	}
}
