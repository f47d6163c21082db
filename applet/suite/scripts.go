package suite

import (
	"bytes"
	"embed"
	"io/fs"
	"path"
	"strings"

	"ekrona.example/apdu/spec"
)

// scripts are cases that need no signature of another party: commands with the answers
// expected, in the grammar of package script with the words of the spec. A script in
// active is for an active card without money, one in installed for a card that has just
// been installed.
//
//go:embed scripts
var scripts embed.FS

// scriptCases makes a case of every script.
func scriptCases() []testCase {
	files, err := fs.Glob(scripts, "scripts/*/*.apdu")
	var cases []testCase
	for _, file := range files {
		folder, name := path.Split(strings.TrimSuffix(file, path.Ext(file)))
		stage := path.Base(folder)
		cases = append(cases, testCase{"script " + stage + "/" + name, func(c *caseRun) {
			c.must(err)
			var s *subject
			switch stage {
			case "active":
				s = c.active()
			case "installed":
				s = c.install()
			default:
				c.Errorf("%s: no card is in a stage %q", file, stage)
				return
			}
			text, err := scripts.ReadFile(file)
			c.must(err)
			words := spec.Vocabulary()
			lines, err := words.ParseAll(bytes.NewReader(text))
			c.must(err)
			for _, line := range lines {
				if _, err := words.Run(c.ctx, s.card, line.Step); err != nil {
					c.Errorf("%s:%d: %v", file, line.Number, err)
					return
				}
			}
		}})
	}
	return cases
}
