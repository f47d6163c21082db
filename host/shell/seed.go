package shell

import (
	"context"
	"fmt"

	"ekrona.example/apdu/script"
)

// SeedWord is the word that a transcript of a virtual card begins with.
const SeedWord = "seed"

func seedWords() []Word {
	return []Word{{Name: SeedWord, Usage: "seed TEXT",
		Help: "have a virtual card draw the random numbers of this seed from now on; as the " +
			"first line, it is the card that --seed TEXT makes",
		Run: seed}}
}

// seed makes the randomness of a virtual card repeat. A card in a reader draws its own: a script
// goes on, and is told.
func seed(ctx context.Context, s *Session, arguments []string) (Answer, error) {
	if len(arguments) != 1 || arguments[0] == "" {
		return Answer{}, Usage("one text")
	}
	switch {
	case s.target.Virtual == nil:
		s.Note("seed: a card in a reader draws random numbers of its own: expect ?? where this " +
			"script has those of a virtual card")
		return OK, nil
	case s.target.Again == nil || s.begun:
		s.target.Virtual.SetRandom(sources(arguments[0]))
		s.tell(SeedLine(arguments[0]))
		return OK, nil
	}
	made, err := s.target.Again(arguments[0])
	if err != nil {
		return Answer{}, err
	}
	if err := made.Reset(); err != nil {
		return Answer{}, err
	}
	s.target.put(made)
	s.wire = s.onWire(made)
	s.leaveChannel()
	s.forget()
	s.held = nil // which was of the card before
	s.tell(SeedLine(arguments[0]))
	prepared := s.prepared
	s.prepared = nil
	for i, r := range prepared {
		line := s.names.Text(r.Step)
		if prepared[i] = s.execute(ctx, line); prepared[i].Err() != nil {
			return Answer{}, fmt.Errorf("%s: %w", line, prepared[i].Err())
		}
	}
	s.prepared = prepared
	return OK, nil
}

// head is what a transcript begins with: the seed of a virtual card, or what cannot repeat.
func (s *Session) head(seed string) string {
	switch {
	case s.target.Virtual == nil:
		return "# Of a card in a reader: ?? stands for what such a card draws for GET CHALLENGE " +
			"and INITIALIZE UPDATE.\n" +
			"# Write ?? too where an applet answers with numbers that it drew.\n"
	case seed == "":
		return ""
	}
	return s.names.Text(script.Step{Word: SeedWord, Arguments: []string{seed},
		Pattern: script.PatternOf(OK.Line)}) + "\n"
}

// SeedLine is the line that has a virtual card draw the random numbers of a seed.
func SeedLine(seed string) string {
	return new(script.Vocabulary).Text(script.Step{Word: SeedWord, Arguments: []string{seed}})
}
