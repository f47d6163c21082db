package globalplatform

import (
	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
)

// maxChain bounds what several commands may bring together, in bytes.
const maxChain = 2048

// collect puts together a command that comes in parts, before its protection is
// taken off (GPC §11.1.5.1). It gives the whole command when the last part is there;
// before that, or when the parts do not fit together, the answer.
func (c *Card) collect(command apdu.Command) (whole apdu.Command, answer *apdu.Response) {
	started := c.chain
	c.chain = nil
	more := gpc.Chains(command.INS) && command.P1&gpc.MoreCommands != 0
	if started == nil && !more {
		return command, nil
	}
	last := command
	last.P1 &^= gpc.MoreCommands
	if started != nil {
		if started.CLA != last.CLA || started.INS != last.INS || started.P1 != last.P1 ||
			started.P2 != last.P2 {
			return command, &apdu.Response{SW: apdu.SWConditions}
		}
		last.Data = append(started.Data[:len(started.Data):len(started.Data)], command.Data...)
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
