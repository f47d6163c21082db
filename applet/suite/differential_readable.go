package suite

import (
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

// readers parse what cards answer, as every host does.
var readers = map[*spec.Layout]func([]byte) error{
	spec.Request: read[message.Request], spec.Payment: read[message.Payment],
	spec.Receipt: read[message.Receipt],
	spec.Refusal: read[message.Refusal], spec.State: read[message.State],
	spec.Confirmation: read[message.Confirmation],
}

func read[T any, P interface {
	*T
	message.Message
}](encoded []byte) error {
	_, err := message.Parse[T, P](encoded)
	return err
}

// readable returns an error when no host could parse a card's answer. The card keeps
// most of what it answers, and with one such record it could not synchronise any more.
func readable(c apdu.Command, answer apdu.Response) (err error) {
	v, known := spec.Find(c.CLA, c.INS, c.P1, c.P2)
	if !known || answer.SW != apdu.OK || len(answer.Data) == 0 || len(v.Out) == 0 {
		return nil
	}
	if v.Command == spec.ReadRecord && len(v.Out) > 1 { // of the log
		_, err = message.ParseRecord(answer.Data)
	} else if reader := readers[v.Out[0].Layout]; reader != nil {
		err = reader(answer.Data)
	}
	if err != nil {
		return fmt.Errorf("%s: no host reads what the card says: %w", v.Command.Name, err)
	}
	return nil
}
