package trace

import (
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
)

// status gives the name of a status word and what it means. A security domain's is not
// looked for in vocabularies.
func (d Decoder) status(c apdu.Command, sw apdu.StatusWord, managed bool) (name, meaning string) {
	if !managed {
		for _, v := range d.Vocabularies {
			if v.Status == nil {
				continue
			}
			if name, meaning, known := v.Status(sw); known {
				return fmt.Sprintf("%04X %s", uint16(sw), name), meaning
			}
		}
	}
	switch {
	case sw == apdu.OK:
		return sw.String(), ""
	case managed, c.INS == gpc.InsSelect && c.P1 == gpc.P1ByName:
		// it answers for an application that is not there
		return fmt.Sprintf("%04X", uint16(sw)), gpc.Meaning(sw)
	}
	return sw.String(), sw.Meaning()
}
