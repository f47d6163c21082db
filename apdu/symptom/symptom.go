// Package symptom recognises what people report of NXP's JCOP 4 and its relatives, and what helps:
// one table for all commands that talk to a card. Start at [Of].
//
// A symptom is a likely cause, not a proof: each names the reports that it comes from.
package symptom

import (
	"errors"
	"fmt"
	"slices"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
)

// Symptom is something that a card does, why, and what helps.
type Symptom struct {
	ID    string `json:"id"`    // in lower case with hyphens
	Sign  string `json:"sign"`  // what is seen
	Cause string `json:"cause"` // likely causes
	Cure  string `json:"cure"`  // what to do
	// Source are the reports: owner/repository and number of the issue, on GitHub.
	Source string `json:"source"`

	matches func(seen) bool
}

// String is one line.
func (s Symptom) String() string {
	return fmt.Sprintf("%s: %s; %s (%s)", s.Sign, s.Cause, s.Cure, s.Source)
}

// seen is one exchange as the table looks at it.
type seen struct {
	command apdu.Command
	sw      uint16 // 0 if none came
	mute    bool   // no answer came at all
}

// is reports whether the command has that instruction, and the answer one of these status words.
func (s seen) is(ins byte, sws ...uint16) bool {
	return s.command.INS == ins && slices.Contains(sws, s.sw)
}

// isInstall reports whether the command makes an instance.
func (s seen) isInstall() bool {
	return s.command.INS == gpc.InsInstall && s.command.P1&gpc.InstallInstall != 0
}

// isManaging reports whether the command loads or installs.
func (s seen) isManaging() bool {
	return s.command.INS == gpc.InsLoad || s.command.INS == gpc.InsInstall
}

// Of are the symptoms that an exchange with a card shows: the answer to a command, or the error
// for which there is none. The first is the likeliest.
func Of(c apdu.Command, r apdu.Response, failed error) []Symptom {
	s := seen{command: c, sw: uint16(r.SW)}
	if failed != nil {
		s.sw, s.mute = 0, !errors.Is(failed, apdu.ErrResponse)
	}
	var found []Symptom
	for _, symptom := range Table {
		if symptom.matches(s) {
			found = append(found, symptom)
		}
	}
	return found
}
