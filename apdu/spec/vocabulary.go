package spec

import "ekrona.example/apdu/script"

// Vocabulary is the applet's commands and status words for scripts. A command's name
// alone stands for its first variant.
func Vocabulary() *script.Vocabulary {
	v := &script.Vocabulary{}
	for _, c := range Commands {
		for _, variant := range c.Variants {
			v.Commands = append(v.Commands, script.Command{
				Title: variant.Title(), Command: variant.APDU(), AnyP1: variant.AnyP1,
			})
		}
	}
	for _, c := range Commands {
		first := c.Only()
		v.Commands = append(v.Commands, script.Command{
			Title: c.Name, Command: first.APDU(), AnyP1: first.AnyP1,
		})
	}
	for _, row := range StatusWords {
		code, mask := uint16(row.Code), uint16(row.Mask)
		v.Statuses = append(v.Statuses, script.NamedStatus{
			Name: row.Name, Status: script.Status{Code: code, Mask: mask},
		})
	}
	return v
}
