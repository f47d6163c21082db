package symptom_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"ekrona.example/apdu"
	"ekrona.example/apdu/symptom"
)

var errNotTransacted = errors.New("SCARD_E_NOT_TRANSACTED")

func TestOf(t *testing.T) {
	load := apdu.Command{CLA: 0x84, INS: 0xE8}
	install := apdu.Command{CLA: 0x84, INS: 0xE6, P1: 0x0C}
	forLoad := apdu.Command{CLA: 0x84, INS: 0xE6, P1: 0x02}
	selects := apdu.Command{INS: 0xA4, P1: 4, Ne: 256}
	found := map[string]bool{}
	for _, c := range []struct {
		command apdu.Command
		sw      apdu.StatusWord
		failed  error
		wanted  string // "" for none
	}{
		{load, 0x6438, nil, "load-not-linked"},
		{load, 0x6985, nil, "load-refused"},
		{load, 0x6A80, nil, "load-refused"},
		{load, 0x6982, nil, "load-channel-lost"},
		{load, 0x6A88, nil, "load-reference"},
		{load, 0x6A84, nil, "no-memory"},
		{install, 0x6A84, nil, "no-memory"},
		{install, 0xFFD1, nil, "install-ffd1"},
		{install, 0x6985, nil, "install-refused"},
		{forLoad, 0x6985, nil, ""},
		{install, 0x6F00, nil, "install-exception"},
		{install, 0, errNotTransacted, "install-mute"},
		{load, 0, errNotTransacted, "load-mute"},
		{apdu.Command{INS: 0xCB, Data: make([]byte, 300)}, 0, errNotTransacted, "extended-mute"},
		{selects, 0, errNotTransacted, "full-answer"},
		{apdu.Command{INS: 0x20}, 0, errNotTransacted, "mute"},
		{apdu.Command{INS: 0x20}, 0xFFD1, nil, ""},
		{apdu.Command{INS: 0x20}, 0x6438, nil, ""},
		{apdu.Command{CLA: 0x84, INS: 0x82}, 0x6300, nil, "keys-wrong"},
		{apdu.Command{CLA: 0x80, INS: 0x50}, 0x6A88, nil, "no-such-keys"},
		{apdu.Command{CLA: 0x80, INS: 0x50}, 0x6985, nil, "channel-closed"},
		{selects, 0x6D00, nil, "no-manager"},
		{selects, 0x6A82, nil, "not-fused"},
		{apdu.Command{INS: 0xA4, P1: 4, Data: []byte{1}}, 0x6A82, nil, ""},
		{selects, 0x6283, nil, "card-locked"},
		{apdu.Command{CLA: 0x80, INS: 0xCA}, 0x6985, nil, "data-withheld"},
		{load, apdu.OK, nil, ""},
		{install, apdu.OK, nil, ""},
	} {
		got := symptom.Of(c.command, apdu.Response{SW: c.sw}, c.failed)
		if c.wanted == "" {
			assert.Empty(t, got, "%v %v", c.command, c.sw)
			continue
		}
		if assert.NotEmpty(t, got, "%v %v: %s", c.command, c.sw, c.wanted) {
			assert.Equal(t, c.wanted, got[0].ID)
			found[c.wanted] = true
		}
	}
	for _, s := range symptom.Table {
		assert.True(t, found[s.ID], s.ID)
		assert.NotContains(t, s.String(), "%!")
	}
}
