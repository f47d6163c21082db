package shell

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"ekrona/apdu"
	"ekrona/emulator/card"
)

// contentWords are about what is on the card.
func contentWords() []Word {
	return []Word{
		{Name: "load", Usage: "load FILE.cap ...",
			Help: "load CAP files in dependency order, all or none", Complete: Files, Run: load},
		{Name: "install", Usage: "install MODULE-AID [INSTANCE-AID [PARAMETERS]]",
			Help: "make an instance of an applet", Complete: modules, Run: install},
	}
}

// Files completes the names of files.
func Files(_ *Session, _ []string, last string) []string {
	found, err := filepath.Glob(last + "*")
	if err != nil {
		return nil
	}
	for i, file := range found {
		if info, err := os.Stat(file); err == nil && info.IsDir() {
			found[i] += string(filepath.Separator)
		}
	}
	return found
}

// modules completes the AIDs of what can be installed.
func modules(s *Session, _ []string, _ string) []string {
	var aids []string
	if virtual, err := s.Virtual(); err == nil {
		for _, p := range virtual.Packages() {
			for _, m := range p.Modules {
				aids = append(aids, m.String())
			}
		}
	}
	return aids
}

func load(_ context.Context, s *Session, files []string) (Answer, error) {
	virtual, err := s.Virtual()
	if err != nil {
		return Answer{}, err
	}
	if len(files) == 0 {
		return Answer{}, Usage("the names of CAP files are missing")
	}
	var loaded []string
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			return Answer{}, err
		}
		p, err := virtual.Load(content)
		if err != nil {
			return Answer{}, fmt.Errorf("%s: %w", name, err)
		}
		loaded = append(loaded, p.AID.String())
	}
	return Answer{Line: strings.Join(loaded, " "), Value: loaded}, nil
}

func install(_ context.Context, s *Session, arguments []string) (Answer, error) {
	virtual, err := s.Virtual()
	if err != nil {
		return Answer{}, err
	}
	if len(arguments) < 1 || len(arguments) > 3 {
		return Answer{}, Usage("one to three arguments")
	}
	module, err := card.ParseAID(arguments[0])
	if err != nil {
		return Answer{}, err
	}
	instance := module
	if len(arguments) > 1 {
		if instance, err = card.ParseAID(arguments[1]); err != nil {
			return Answer{}, err
		}
	}
	var parameters []byte
	if len(arguments) > 2 {
		if parameters, err = apdu.ParseHex(arguments[2]); err != nil {
			return Answer{}, fmt.Errorf("parameters: %w", err)
		}
	}
	installed, err := virtual.Install(module, instance, parameters)
	if err != nil {
		return Answer{}, err
	}
	return Answer{Line: installed.String()}, nil
}
