package globalplatform

import (
	"ekrona/apdu"
	"ekrona/apdu/gpc"
)

// maxChain bounds what several commands may bring together, in bytes.
const maxChain = 2048

// collect puts together a command that comes in parts, before its protection is
// taken off (GPC §11.1.5.1). It gives the whole command when the last part is there;
// before that, or when the parts do not fit together, the answer.
func (c *Card) collect(command apdu.Command) (whole apdu.Command, answer *apdu.Response) {
	begun := c.chain
	c.chain = nil
	more := gpc.Chains(command.INS) && command.P1&gpc.MoreCommands != 0
	if begun == nil && !more {
		return command, nil
	}
	last := command
	last.P1 &^= gpc.MoreCommands
	if begun != nil {
		if begun.CLA != last.CLA || begun.INS != last.INS || begun.P1 != last.P1 ||
			begun.P2 != last.P2 {
			return command, &apdu.Response{SW: apdu.SWConditions}
		}
		last.Data = append(begun.Data[:len(begun.Data):len(begun.Data)], command.Data...)
	}
	if len(last.Data) > maxChain {
		return command, &apdu.Response{SW: apdu.SWWrongP1P2}
	}
	if more {
		c.chain = &last
		return command, &apdu.Response{SW: apdu.OK}
	}
	return last, nil
}
