package globalplatform

import (
	"bytes"

	"ekrona.example/apdu"
	"ekrona.example/emulator/card"
)

// held is what the manager holds between two commands, and so what a snapshot takes of it.
type held struct {
	state state // the record, which outlives power

	// What a loss of power clears.
	conversation
	channel int                            // logical channel of the conversation
	others  [apdu.MaxChannels]conversation // those on other channels
}

// conversation is what extends over several commands on one logical channel: each has a secure
// channel of its own.
type conversation struct {
	selected bool // the issuer security domain is
	session  *session
	loading  *loading
	chain    *apdu.Command
	listing  *listing
	stored   stored
	target   card.AID // applet that INSTALL [for personalization] named, nil for none
}

// copied returns the same, which later commands do not change. Sessions and loads change where they
// are; commands put all else in another's place whole.
func (h held) copied() held {
	h.conversation = h.conversation.copied()
	for i, c := range h.others {
		h.others[i] = c.copied()
	}
	return h
}

func (c conversation) copied() conversation {
	if c.session != nil {
		session := *c.session
		session.responder = session.responder.Copy()
		c.session = &session
	}
	if c.loading != nil {
		loading := *c.loading
		loading.content = bytes.Clone(loading.content)
		c.loading = &loading
	}
	return c
}

// use takes up the conversation on a logical channel, which is open.
func (c *Card) use(channel int) {
	if channel != c.channel {
		c.others[c.channel], c.conversation = c.conversation, c.others[channel]
		c.channel = channel
	}
	c.card.Use(channel)
}

// Snapshot keeps what the card holds, its manager too; see [card.Card.Snapshot].
func (c *Card) Snapshot() (*card.Snapshot, error) { return c.card.Snapshot() }

// RestoreSnapshot sets the card back to a snapshot of it, a session of the manager's too: the same
// commands get the same answers; see [card.Card.RestoreSnapshot].
func (c *Card) RestoreSnapshot(s *card.Snapshot) error { return c.card.RestoreSnapshot(s) }

// Snapshot implements card.Manager.
func (m applets) Snapshot() (restore func()) {
	kept := m.card.copied()
	return func() { m.card.held, m.card.cut = kept.copied(), 0 }
}
