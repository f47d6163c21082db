package shell

import (
	"ekrona/apdu"
	"ekrona/apdu/trace"
)

// conversation is an exchange for a person: raw bytes, decoded, and what the card wants next.
func (s *Session) conversation(c apdu.Command, r apdu.Response) string {
	return trace.Text{Raw: true}.Exchange(s.open.Exchange(apdu.Exchange{Command: c, Response: r}))
}

// KnownAIDs are AIDs of well-known applications, for completion.
func KnownAIDs() []string { return nil }
